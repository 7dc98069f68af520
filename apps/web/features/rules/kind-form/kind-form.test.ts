import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { DraftFinding } from "../draft-findings.ts";
import { editRule, readRule, type YamlPath } from "../rule-yaml.ts";
import { FORMS, findForm } from "./find-form.ts";
import type { FormGroup } from "./form-description.ts";
import { addEdit, fieldEdit, removeEdit, renameKeyEdit } from "./form-edits.ts";
import { placeFindings } from "./place-findings.ts";
import { type FieldView, type GroupList, type GroupView, readForm } from "./read-form.ts";

const DESTINATION_RULE = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
  namespace: shop
spec:
  host: reviews # the service itself
  trafficPolicy:
    outlierDetection:
      consecutive5xxErrors: 5 # agreed with the team
      interval: 10s
    portLevelSettings:
    - port:
        number: 8080
  subsets:
  - name: v1
    labels:
      version: v1
      track: stable
`;

const AUTHORIZATION_POLICY = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: reviews
  namespace: shop
spec:
  selector:
    matchLabels:
      app: reviews
  rules:
  - from:
    - source:
        namespaces:
        - shop # our own
        - web
    to:
    - operation:
        methods:
        - GET
`;

const PEER_AUTHENTICATION = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: default
  namespace: shop
spec:
  mtls:
    mode: PERMISSIVE
  portLevelMtls:
    "8080":
      mode: DISABLE # scraped in plaintext
`;

function open(text: string, before = text) {
  const rule = readRule(text);
  const old = readRule(before);
  assert(rule.kind === "rule" && old.kind === "rule");
  const groups = findForm(rule.identity.kind);
  assert(groups !== undefined);
  return { value: rule.value, form: readForm(groups, rule.value, old.value) };
}

function listOf(lists: readonly GroupList[], title: string): GroupList {
  const list = lists.find(({ group }) => group.title === title);
  assert(list !== undefined, `no group ${title}`);
  return list;
}

function viewOf(lists: readonly GroupList[], title: string, index = 0): GroupView {
  const view = listOf(lists, title).views[index];
  assert(view !== undefined, `no ${title} ${index}`);
  return view;
}

function fieldOf(view: GroupView, label: string): FieldView {
  const field = view.fields.find((one) => one.field.label === label);
  assert(field !== undefined, `no field ${label}`);
  return field;
}

/** The text after somebody has typed into a field. */
function typed(text: string, find: (lists: readonly GroupList[]) => FieldView, value: string) {
  const { value: document, form } = open(text);
  return editRule(text, fieldEdit(document, find(form.lists), value));
}

test("a number typed into a DestinationRule's form is one changed line, its comment kept", () => {
  const after = typed(
    DESTINATION_RULE,
    (lists) => fieldOf(viewOf(lists, "Outlier detection"), "After 5xx in a row"),
    "7",
  );
  assert.equal(after, DESTINATION_RULE.replace("Errors: 5 #", "Errors: 7 #"));
});

test("what is no number stays as it was typed, for the check to refuse", () => {
  const after = typed(
    DESTINATION_RULE,
    (lists) => fieldOf(viewOf(lists, "Outlier detection"), "At most, %"),
    "half",
  );
  assert.match(after, /maxEjectionPercent: half/);
});

test("emptying a field takes its value away, and the maps that are empty by it", () => {
  const set = typed(
    DESTINATION_RULE,
    (lists) => fieldOf(viewOf(lists, "Connections and limits"), "Connections"),
    "100",
  );
  assert.match(set, /connectionPool:\n {6}tcp:\n {8}maxConnections: 100/);
  const back = typed(
    set,
    (lists) => fieldOf(viewOf(lists, "Connections and limits"), "Connections"),
    "",
  );
  assert.equal(back, DESTINATION_RULE);
});

test("labels are changed one by one", () => {
  const after = typed(
    DESTINATION_RULE,
    (lists) => fieldOf(viewOf(lists, "Subset"), "Endpoints with"),
    "version=1.9, tier=gold",
  );
  assert.match(after, /labels:\n {6}version: "1\.9"\n {6}tier: gold\n$/);
});

test("a subset is added with what it needs, and its own outlier detection to it alone", () => {
  const { value, form } = open(DESTINATION_RULE);
  const added = editRule(DESTINATION_RULE, addEdit(value, listOf(form.lists, "Subset")));
  assert.match(added, /- name: v2\n {4}labels:\n {6}version: v2\n$/);
  const next = open(added, DESTINATION_RULE);
  assert.equal(viewOf(next.form.lists, "Subset", 0).state, "there");
  const fresh = viewOf(next.form.lists, "Subset", 1);
  assert.equal(fresh.state, "new");
  const outliers = listOf(fresh.groups, "Outlier detection");
  const own = editRule(added, addEdit(next.value, outliers));
  assert.match(own, /version: v2\n {4}trafficPolicy:\n {6}outlierDetection:/);
});

test("an added item is named as no other", () => {
  const two = DESTINATION_RULE.replace(
    "- name: v1",
    "- name: v2\n    labels: { version: v2 }\n  - name: v1",
  );
  const { value, form } = open(two);
  const added = editRule(two, addEdit(value, listOf(form.lists, "Subset")));
  assert.match(added, /- name: v3\n {4}labels:\n {6}version: v3\n$/);
});

test("what was taken away is said to be gone, and can be added again", () => {
  const { form } = open(DESTINATION_RULE);
  const without = editRule(DESTINATION_RULE, removeEdit(viewOf(form.lists, "Outlier detection")));
  const next = open(without, DESTINATION_RULE);
  assert.equal(viewOf(next.form.lists, "Outlier detection").state, "gone");
  assert.equal(viewOf(next.form.lists, "TLS to the endpoints").state, "absent");
});

test("what a draft changed is held against what it was begun from", () => {
  const { form } = open(DESTINATION_RULE.replace("10s", "1s"), DESTINATION_RULE);
  const interval = fieldOf(viewOf(form.lists, "Outlier detection"), "Looked at each");
  assert.deepEqual([interval.value, interval.was], ["1s", "10s"]);
});

test("values without a field are named, the topmost alone", () => {
  const { form } = open(DESTINATION_RULE);
  assert.deepEqual(form.rest, [
    {
      path: ["spec", "trafficPolicy", "portLevelSettings"],
      label: "trafficPolicy › portLevelSettings",
    },
  ]);
});

test("a value of another shape than its field's is named, too, and the field stays empty", () => {
  const { form } = open(DESTINATION_RULE.replace("interval: 10s", "interval: [10s]"));
  assert.equal(fieldOf(viewOf(form.lists, "Outlier detection"), "Looked at each").value, "");
  assert.equal(form.rest[0]?.label, "trafficPolicy › outlierDetection › interval");
});

test("a caller's list keeps its comments when a name comes or goes", () => {
  const namespaces = (lists: readonly GroupList[]) =>
    fieldOf(viewOf(viewOf(lists, "Rule").groups, "Caller"), "In namespaces");
  assert.equal(
    typed(AUTHORIZATION_POLICY, namespaces, "shop, web, batch"),
    AUTHORIZATION_POLICY.replace("        - web\n", "        - web\n        - batch\n"),
  );
  assert.equal(
    typed(AUTHORIZATION_POLICY, namespaces, "shop"),
    AUTHORIZATION_POLICY.replace("        - web\n", ""),
  );
});

test("emptying a caller's only field leaves an empty caller, never a rule for everybody", () => {
  const after = typed(
    AUTHORIZATION_POLICY,
    (lists) => fieldOf(viewOf(viewOf(lists, "Rule").groups, "Caller"), "In namespaces"),
    "",
  );
  assert.match(after, /- from:\n {4}- \{ ?\}/);
});

test("an action and a condition are set where there were none", () => {
  const action = (lists: readonly GroupList[]) => fieldOf(viewOf(lists, "What"), "Action");
  assert.match(typed(AUTHORIZATION_POLICY, action, "DENY"), /\n {2}action: DENY\n/);
  const { value, form } = open(AUTHORIZATION_POLICY);
  const conditions = listOf(viewOf(form.lists, "Rule").groups, "Condition");
  const after = editRule(AUTHORIZATION_POLICY, addEdit(value, conditions));
  assert.match(after, /when:\n {4}- key: request\.headers\[x-tester\]\n {6}values:\n {6}- "1"\n$/);
});

test("a PeerAuthentication's ports are named by number, and renamed with what they hold", () => {
  const { value, form } = open(PEER_AUTHENTICATION);
  const port = viewOf(form.lists, "Port");
  assert.equal(port.item?.name, "8080");
  const renamed = editRule(PEER_AUTHENTICATION, renameKeyEdit(value, port, "9090"));
  assert.match(renamed, /"9090":\n {6}mode: DISABLE/);
  assert.doesNotMatch(renamed, /8080/);
  const added = editRule(PEER_AUTHENTICATION, addEdit(value, listOf(form.lists, "Port")));
  assert.match(added, /"8081":\n {6}mode: PERMISSIVE/);
});

test("a port is not renamed to one that is taken", () => {
  const two = PEER_AUTHENTICATION.replace('    "8080":', '    "9090": {}\n    "8080":');
  const { value, form } = open(two);
  assert.deepEqual(renameKeyEdit(value, viewOf(form.lists, "Port", 1), "9090"), []);
});

test("a document that says nothing yet can be filled in", () => {
  const empty = "kind: PeerAuthentication\nmetadata: { name: default }\nspec:\n";
  const mode = (lists: readonly GroupList[]) => fieldOf(viewOf(lists, "Mutual TLS"), "Mode");
  assert.match(typed(empty, mode, "STRICT"), /spec:\n {2}mtls:\n {4}mode: STRICT\n$/);
});

test("a finding stands at the innermost group that has its place", () => {
  const { form } = open(AUTHORIZATION_POLICY);
  const at = (path: string) => ({ id: path, path }) as DraftFinding;
  const placed = placeFindings(form, [
    at("spec.rules[0].from[0].source.namespaces[1]"),
    at("spec.action"),
    at("spec.nothing"),
  ]);
  assert.deepEqual(
    [...placed].map(([key, found]) => [key, found.map(({ id }) => id)]),
    [
      ["Caller spec/rules/0/from/0", ["spec.rules[0].from[0].source.namespaces[1]"]],
      ["What spec", ["spec.action", "spec.nothing"]],
    ],
  );
});

/** `spec.rules[].from[].source.namespaces`, as the page of all fields has them. */
function knownFields(kind: string): ReadonlySet<string> {
  const page = readFileSync(
    new URL("../../../../../docs/compatibility.md", import.meta.url),
    "utf8",
  );
  const [, part = ""] = page.split(`\n## ${kind}\n`);
  const [own = ""] = part.split("\n## ");
  const fields = [...own.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)];
  return new Set(
    fields.filter(([, , status]) => !/refused/.test(status ?? "")).map(([, at]) => at ?? ""),
  );
}

function* pathsOf(groups: readonly FormGroup[], around = ""): Generator<string> {
  for (const { path, repeats, fields = [], groups: inner = [] } of groups) {
    const item = repeats === undefined ? "" : repeats.as === "list" ? "[]" : ".*";
    const at = `${[around, ...path].filter((key) => key !== "").join(".")}${item}`;
    for (const field of fields) yield [at, ...(field.path satisfies YamlPath)].join(".");
    yield* pathsOf(inner, at);
  }
}

for (const [kind, groups] of Object.entries(FORMS)) {
  test(`every field of the form of ${kind} is one the mesh serves`, () => {
    const known = knownFields(kind);
    assert(known.size > 0, `${kind} is not on the page of all fields`);
    // A subset's policy has the fields of the rule's own, where the page lists them.
    const paths = [...pathsOf(groups)].map((path) =>
      path.replace("spec.subsets[].trafficPolicy", "spec.trafficPolicy").replace("spec.", ""),
    );
    assert.deepEqual(
      paths.filter((path) => !known.has(path)),
      [],
    );
  });
}
