import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredInstance } from "@heddle/store";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { compileSnapshot } from "../snapshot/config-snapshot.ts";
import { document, parseDocuments } from "../snapshot/test-documents.ts";
import { type CanaryWish, planCanaryStart } from "./start-canary.ts";

const RATINGS = { namespace: "shop", name: "ratings" };
const RULE = (http: string) =>
  document("VirtualService", "ratings-rule", "shop", `{hosts: [ratings], http: ${http}}`);

function plan(
  texts: readonly string[],
  wish: Partial<CanaryWish> & Pick<CanaryWish, "version">,
  versions: readonly string[] = ["v1", "v2", "v3"],
) {
  const instances = versions.map(
    (version) => ({ labels: { app: "ratings", version } }) as unknown as StoredInstance,
  );
  const snapshot = compileSnapshot(1, texts.length === 0 ? new Map() : parseDocuments(...texts));
  const whole = { service: RATINGS, stable: undefined, canaryPercent: 5, ...wish };
  const { ref, after } = planCanaryStart(snapshot, instances, whole);
  assert.equal(after?.resource.kind, "VirtualService");
  const split = after.resource.routes.map(({ destinations }) =>
    destinations.map(({ subset, weight }) => `${subset} ${weight}`),
  );
  return { name: ref.name, split, yaml: after.yaml };
}

test("makes the rule where there is none, against the only other version", () => {
  const made = plan([], { version: "v2" }, ["v1", "v2"]);
  assert.deepEqual([made.name, made.split], ["ratings", [["v1 95", "v2 5"]]]);
});

test("does not take the name of a rule for another host", () => {
  const other = document(
    "VirtualService",
    "ratings",
    "shop",
    "{hosts: [other], http: [{route: [{destination: {host: other}}]}]}",
  );
  assert.equal(plan([other], { version: "v2" }, ["v1", "v2"]).name, "ratings-canary");
});

test("edits the plain route and nothing else, and calls versions as the subsets do", () => {
  const subsets = document(
    "DestinationRule",
    "r",
    "shop",
    "{host: ratings, subsets: [{name: old, labels: {version: v1}}, {name: new, labels: {version: v2}}]}",
  );
  const rule = RULE(
    "[{match: [{headers: {x: {exact: '1'}}}], route: [{destination: {host: ratings, subset: new}}]}, {timeout: 2s, route: [{destination: {host: ratings, subset: old, port: {number: 80}}}]}]",
  );
  const { split, yaml } = plan([subsets, rule], { version: "v2", canaryPercent: 10 });
  assert.deepEqual(split, [["new 1"], ["old 90", "new 10"]]);
  assert.match(yaml, /timeout: 2s/);
  assert.equal(yaml.match(/number: 80/g)?.length, 2);
});

test("takes a promoted version as stable, whichever place it has", () => {
  const promoted = RULE(
    "[{route: [{destination: {host: ratings, subset: v1}, weight: 0}, {destination: {host: ratings, subset: v2}, weight: 100}]}]",
  );
  assert.deepEqual(plan([promoted], { version: "v3" }).split, [["v2 95", "v3 5"]]);
  assert.throws(() => plan([promoted], { version: "v2" }), /v2 has all the traffic already/);
});

const refusals: Record<string, [readonly string[], Partial<CanaryWish>, RegExp]> = {
  "a version nobody runs": [
    [],
    { version: "v9" },
    /no workload of version v9: there are v1, v2, v3/,
  ],
  "a stable version nobody runs": [[], { stable: "v8" }, /no workload of version v8/],
  "a choice among several": [[], {}, /several other versions \(v1, v3\): say which is stable/],
  "another canary under way": [
    [
      RULE(
        "[{route: [{destination: {host: ratings, subset: v1}, weight: 90}, {destination: {host: ratings, subset: v3}, weight: 10}]}]",
      ),
    ],
    {},
    /has v3 on trial at 10 %/,
  ],
  "a route elsewhere": [
    [RULE("[{route: [{destination: {host: other}}]}]")],
    {},
    /cannot begin a canary/,
  ],
};
for (const [what, [texts, wish, message]] of Object.entries(refusals)) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => plan(texts, { version: "v2", ...wish }),
      (error: unknown) => {
        assert.ok(error instanceof ChangeRefusedError || error instanceof NotFoundError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}
