import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceResource, ServiceRules } from "@heddle/contracts";
import { ANYBODY, type CallerClass, takesIn } from "./caller-class.ts";
import { compileSnapshot } from "./config-snapshot.ts";
import { document, parseDocuments } from "./test-documents.ts";

const reviews = { namespace: "shop", name: "reviews" };

function compile(...texts: string[]): ServiceResource {
  return compileSnapshot(1, parseDocuments(...texts)).service(reviews).resource;
}

/** What a proxy takes for one of its workloads: the first override that means it, else the rules. */
function rulesFor(resource: ServiceResource, caller: CallerClass): ServiceRules {
  const found = (resource.overrides ?? []).find(({ source }) => takesIn(source, caller));
  return found?.rules ?? resource;
}
const from = (namespace: string, labels: Record<string, string> = {}) => ({ namespace, labels });

const subsetRule = (name: string, namespace: string, more: string) =>
  document("DestinationRule", name, namespace, `{host: reviews.shop.svc.cluster.local, ${more}}`);
const subset = (version: string) => `subsets: [{name: one, labels: {version: ${version}}}]`;
const subsetSeenBy = (resource: ServiceResource, caller: CallerClass) =>
  rulesFor(resource, caller).subsets[0]?.labels["version"];
const route = (more: string) => `http: [{${more} route: [{destination: {host: reviews}}]}]`;

test("a caller's own namespace speaks before the service's, that before the root's", () => {
  const resource = compile(
    subsetRule("r", "istio-system", subset("root")),
    subsetRule("r", "shop", subset("own")),
    subsetRule("r", "bank", subset("client")),
  );
  assert.equal(subsetSeenBy(resource, from("bank")), "client");
  assert.equal(subsetSeenBy(resource, from("shop")), "own");
  assert.equal(subsetSeenBy(resource, ANYBODY), "own");
});

test("a rule exported to some namespaces holds for their callers alone", () => {
  const resource = compile(
    subsetRule("all", "istio-system", subset("root")),
    subsetRule("some", "shop", `exportTo: [bank], ${subset("own")}`),
  );
  assert.equal(subsetSeenBy(resource, from("bank")), "own");
  assert.equal(subsetSeenBy(resource, ANYBODY), "root");
});

test("a rule with a workloadSelector holds for those callers of its namespace, unmerged with the others", () => {
  const selector = "workloadSelector: {matchLabels: {app: front}}";
  const resource = compile(
    subsetRule("plain", "shop", subset("plain")),
    subsetRule("picky", "shop", `${selector}, subsets: [{name: two, labels: {version: v2}}]`),
  );
  const front = rulesFor(resource, from("shop", { app: "front", tier: "web" }));
  assert.deepEqual(front.subsets, [{ name: "two", labels: { version: "v2" } }]);
  assert.equal(subsetSeenBy(resource, from("shop", { app: "cart" })), "plain");
  assert.equal(subsetSeenBy(resource, from("bank", { app: "front" })), "plain");
});

test("of several rules for one host the subsets add up and the first policy holds", () => {
  const pool = (max: number) =>
    `trafficPolicy: {connectionPool: {http: {http1MaxPendingRequests: ${max}}}}`;
  const resource = compile(
    subsetRule("a", "shop", subset("v1")),
    subsetRule("b", "shop", `${pool(5)}, subsets: [{name: two, labels: {version: v2}}]`),
    subsetRule("c", "shop", pool(9)),
  );
  assert.deepEqual(
    resource.subsets.map(({ name }) => name),
    ["one", "two"],
  );
  assert.equal(resource.trafficPolicy?.connectionPool?.maxPendingRequests, 5);
});

test("the most specific host speaks, a wildcard where no other does", () => {
  const wild = (name: string, host: string, version: string) =>
    document("DestinationRule", name, "shop", `{host: "${host}", ${subset(version)}}`);
  const mesh = wild("mesh", "*.local", "mesh");
  const shop = wild("shop", "*.shop.svc.cluster.local", "shop");
  assert.equal(subsetSeenBy(compile(mesh, shop), ANYBODY), "shop");
  assert.equal(subsetSeenBy(compile(mesh), ANYBODY), "mesh");
  assert.equal(subsetSeenBy(compile(mesh, subsetRule("r", "shop", subset("own"))), ANYBODY), "own");
});

test("callers follow the VirtualService that is exported to them", () => {
  const one = (name: string, exportTo: string) =>
    document(
      "VirtualService",
      name,
      "shop",
      `{hosts: [reviews], exportTo: ["${exportTo}"], http: [{name: ${name}, route: [{destination: {host: reviews}}]}]}`,
    );
  const resource = compile(one("inner", "."), one("bank", "bank"));
  const nameFor = (namespace: string) => rulesFor(resource, from(namespace)).routes[0]?.name;
  assert.deepEqual(["shop", "bank", "lab"].map(nameFor), ["inner", "bank", "default"]);
});

test("a rule that says the same to everybody is told once", () => {
  const { overrides } = compile(
    subsetRule("a", "bank", subset("v1")),
    subsetRule("b", "shop", subset("v1")),
  );
  assert.equal(overrides, undefined);
});

test("a TrafficPolicy holds between the sources and destinations it names", () => {
  const resource = compile(
    subsetRule("r", "shop", `${subset("v1")}, trafficPolicy: {outlierDetection: {interval: 5s}}`),
    document("VirtualService", "reviews", "shop", `{hosts: [reviews], ${route("timeout: 9s,")}}`),
    document(
      "TrafficPolicy",
      "front",
      "shop",
      "{sources: [{service: front}], destinations: [{host: reviews}], timeout: 2s, outlierDetection: {interval: 1s}}",
    ),
  );
  const front = rulesFor(resource, from("shop", { app: "front" }));
  assert.equal(front.routes[0]?.timeoutMs, 2000);
  assert.equal(front.trafficPolicy?.outlierDetection?.intervalMs, 1000);
  assert.deepEqual(front.subsets, resource.subsets);
  assert.equal(resource.routes[0]?.timeoutMs, 9000);
  assert.equal(resource.trafficPolicy?.outlierDetection?.intervalMs, 5000);
});

test("a TrafficPolicy for all of a service holds in its subsets and ports too, one for a subset only there", () => {
  const policy = (name: string, destination: string, interval: string) =>
    document(
      "TrafficPolicy",
      name,
      "shop",
      `{destinations: [${destination}], outlierDetection: {interval: ${interval}}}`,
    );
  const detection = (interval: string) => `outlierDetection: {interval: ${interval}}`;
  const rule = subsetRule(
    "r",
    "shop",
    `trafficPolicy: {portLevelSettings: [{port: {number: 80}, ${detection("7s")}}]},
     subsets: [{name: one, labels: {version: v1}, trafficPolicy: {${detection("8s")}}}, {name: two, labels: {version: v2}}]`,
  );
  const all = compile(rule, policy("p", "{host: reviews}", "1s"));
  assert.equal(all.trafficPolicy?.ports?.["80"]?.outlierDetection?.intervalMs, 1000);
  assert.equal(all.subsets[0]?.trafficPolicy, undefined);
  const part = compile(rule, policy("p", "{host: reviews, subset: two}", "1s"));
  assert.equal(part.trafficPolicy?.outlierDetection, undefined);
  const intervals = part.subsets.map((one) => one.trafficPolicy?.outlierDetection?.intervalMs);
  assert.deepEqual(intervals, [8000, 1000]);
});

test("the mesh's defaults fill what no rule has said", () => {
  const config = document(
    "MeshConfig",
    "mesh",
    "istio-system",
    "{defaultHttpRetryPolicy: {attempts: 4, retryOn: connect-failure}, defaultTrafficPolicy: {outlierDetection: {interval: 3s}, connectionPool: {http: {http2MaxRequests: 7}}}}",
  );
  const resource = compile(
    config,
    subsetRule("r", "shop", "trafficPolicy: {outlierDetection: {interval: 5s}}"),
    document(
      "VirtualService",
      "reviews",
      "shop",
      `{hosts: [reviews], http: [{match: [{uri: {prefix: /a}}], retries: {attempts: 1}, route: [{destination: {host: reviews}}]}, {route: [{destination: {host: reviews}}]}]}`,
    ),
  );
  assert.equal(resource.trafficPolicy?.outlierDetection?.intervalMs, 5000);
  assert.equal(resource.trafficPolicy?.connectionPool?.maxRequests, 7);
  assert.deepEqual(
    resource.routes.map(({ retries }) => retries?.attempts),
    [1, 4],
  );
});

test("a delegate's routes stand in the place of the route that names it", () => {
  const root = document(
    "VirtualService",
    "root",
    "shop",
    "{hosts: [reviews], http: [{match: [{uri: {prefix: /a}}], delegate: {name: leaf, namespace: teams}}, {route: [{destination: {host: reviews}}]}]}",
  );
  const leaf = document(
    "VirtualService",
    "leaf",
    "teams",
    "{http: [{name: leaf, match: [{uri: {prefix: /a/b}}], route: [{destination: {host: reviews.shop.svc.cluster.local}}]}, {match: [{uri: {prefix: /else}}], route: [{destination: {host: reviews.shop.svc.cluster.local}}]}]}",
  );
  const { routes } = compile(root, leaf);
  assert.equal(routes.length, 2);
  assert.deepEqual(routes[0]?.matches[0]?.uri, { kind: "prefix", value: "/a/b" });
  assert.equal(compile(root).routes.length, 1);
});

test("a rule of gateways alone does not bind sidecars", () => {
  const spec = `{hosts: [reviews], gateways: [edge], ${route("name: edge,")}}`;
  assert.equal(compile(document("VirtualService", "r", "shop", spec)).routes[0]?.name, "default");
});
