import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FailureKinds } from "../signals/failure-kinds.ts";
import { goldenSignals, mtlsRatio } from "../signals/golden-signals.ts";
import { TrafficTally } from "../signals/traffic-tally.ts";
import { assignBlame, type FailingEdge } from "./blame.ts";
import {
  type EdgeTraffic,
  effectiveTally,
  entryEdges,
  NONE_OPEN,
  toServiceEdges,
} from "./edge-traffic.ts";
import {
  edgeId,
  outsideNode,
  parseEdgeId,
  type TrafficNode,
  workloadNode,
} from "./traffic-node.ts";
import { readRefusedPoint, readTrafficPoint } from "./traffic-point.ts";

const workload = (name: string): TrafficNode =>
  workloadNode({
    namespace: "shop",
    workload: name,
    service: name.replace(/-v\d$/, ""),
    version: /v\d$/.exec(name)?.[0],
  });

function tallyOf(requests: number, errors = 0, latencyMs = 10): TrafficTally {
  const tally = new TrafficTally();
  tally.requests = requests;
  tally.addErrors("app", errors);
  tally.latency.record(latencyMs, requests);
  return tally;
}

const LABELS = {
  reporter: "source",
  source_workload: "web",
  source_workload_namespace: "shop",
  source_canonical_service: "web",
  source_canonical_revision: "latest",
  destination_workload: "reviews-v2",
  destination_workload_namespace: "shop",
  destination_canonical_service: "reviews",
  destination_canonical_revision: "v2",
  destination_service: "reviews.shop.svc.cluster.local",
  destination_service_name: "reviews",
  destination_service_namespace: "shop",
  response_code: "200",
  connection_security_policy: "unknown",
};

test("reads both ends of a data point", () => {
  const point = readTrafficPoint(LABELS);
  assert.deepEqual(point?.source, {
    id: "workload/shop/web",
    kind: "workload",
    namespace: "shop",
    service: "web",
    workload: "web",
    version: undefined,
    address: undefined,
  });
  assert.equal(point?.destination.id, "workload/shop/reviews-v2");
  assert.equal(point?.destination.version, "v2");
  assert.equal(point?.failure, undefined);
});

const unknown = { destination_workload: "unknown", destination_workload_namespace: "unknown" };
const outside = { reporter: "destination", source_workload: "unknown" };
const ends: [string, object, string, string][] = [
  [
    "a destination outside the mesh",
    {
      ...unknown,
      destination_service_name: "PassthroughCluster",
      destination_service: "api.example",
    },
    "workload/shop/web",
    "external/api.example",
  ],
  [
    "a host outside the mesh that was named with a port",
    {
      ...unknown,
      destination_service_name: "PassthroughCluster",
      destination_service: "db.example:5432",
    },
    "workload/shop/web",
    "external/db.example",
  ],
  [
    "an external service of a ServiceEntry, whatever its endpoints are called",
    { destination_service_name: "api.example", destination_service: "api.example" },
    "workload/shop/web",
    "external/api.example",
  ],
  [
    "a workload of the mesh that serves a ServiceEntry's host",
    {
      destination_service_name: "api.example",
      destination_service: "api.example",
      destination_principal: "spiffe://cluster.local/ns/shop/sa/reviews-v2",
    },
    "workload/shop/web",
    "workload/shop/reviews-v2",
  ],
  ["a service without endpoints", unknown, "workload/shop/web", "service/shop/reviews"],
  [
    "a caller without proxy",
    { ...outside, heddle_source_address: "127.0.4.17" },
    "outside/127.0.4.17",
    "workload/shop/reviews-v2",
  ],
  ["a caller nobody knows", outside, "outside/unknown", "workload/shop/reviews-v2"],
];
for (const [what, labels, source, destination] of ends) {
  test(`names ${what}`, () => {
    const point = readTrafficPoint({ ...LABELS, ...labels });
    assert.deepEqual([point?.source.id, point?.destination.id], [source, destination]);
  });
}

const codes: [string | undefined, boolean][] = [
  ["200", false],
  ["404", false],
  ["499", false],
  ["500", true],
  ["503", true],
  ["0", true],
  ["", true],
  [undefined, true],
];
for (const [code, isError] of codes) {
  test(`code ${code ?? "absent"} ${isError ? "is" : "is not"} an error`, () => {
    const { response_code: _, ...rest } = LABELS;
    const labels = code === undefined ? rest : { ...rest, response_code: code };
    assert.equal(readTrafficPoint(labels)?.failure !== undefined, isError);
  });
}

for (let status = 0; status <= 16; status++) {
  const isError = [2, 4, 12, 13, 14, 15].includes(status);
  test(`gRPC status ${status} ${isError ? "is" : "is not"} an error`, () => {
    const grpc = { request_protocol: "grpc", grpc_response_status: String(status) };
    const point = readTrafficPoint({ ...LABELS, ...grpc });
    assert.equal(point?.protocol, "grpc");
    assert.equal(point.failure?.grpcStatus, isError ? String(status) : undefined);
  });
}

test("a gRPC answer that broke off before its status is an error, unless the caller left", () => {
  const cut = { ...LABELS, request_protocol: "grpc", grpc_response_status: "" };
  const failure = readTrafficPoint({ ...cut, response_flags: "UC", heddle_failed_by: "network" });
  assert.deepEqual(failure?.failure, {
    failedBy: "network",
    flags: "UC",
    code: 200,
    grpcStatus: "",
  });
  assert.equal(readTrafficPoint({ ...cut, response_flags: "DC" })?.failure, undefined);
  assert.equal(readTrafficPoint({ ...cut, response_flags: "-" })?.failure, undefined);
});

const connections: [flags: string, isOpened: boolean, hasFailed: boolean][] = [
  ["-", true, false],
  ["UF", false, true],
  ["UH,URX", false, true],
  ["DC", false, false],
];
for (const [flags, isOpened, hasFailed] of connections) {
  test(`a connection with the flags ${flags} is ${isOpened ? "" : "not "}opened`, () => {
    const { response_code: _, ...rest } = LABELS;
    const labels = { ...rest, request_protocol: "tcp", response_flags: flags };
    const point = readTrafficPoint(labels);
    assert.deepEqual([point?.isOpened, point?.failure !== undefined], [isOpened, hasFailed]);
  });
}

test("requests that met an injected fault are told by their flags", () => {
  for (const [flags, isInjected] of [
    ["FI", true],
    ["UT,DI", true],
    ["UF", false],
    ["-", false],
    ["FIX", false],
  ] as const) {
    const point = readTrafficPoint({ ...LABELS, response_flags: flags });
    assert.equal(point?.isFaultInjected, isInjected, flags);
  }
});

test("failures count by kind, the most frequent first, and come back from their text", () => {
  const kind = fc.record({
    failedBy: fc.constantFrom("app", "outbound-proxy", "inbound-proxy", "network"),
    flags: fc.constantFrom("-", "UF", "UH,URX"),
    code: fc.constantFrom(0, 500, 503),
    grpcStatus: fc.constantFrom("", "14"),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(kind, fc.nat(50)), { maxLength: 100 }), (added) => {
      const kinds = new FailureKinds();
      for (const [each, count] of added) kinds.add(each, count);
      const top = kinds.top(64);
      const sum = top.reduce((total, { count }) => total + count, 0);
      assert.ok(sum <= added.reduce((total, [, count]) => total + count, 0));
      assert.deepEqual(
        top.map(({ count }) => count),
        top.map(({ count }) => count).toSorted((a, b) => b - a),
      );
      assert.deepEqual(FailureKinds.decode(kinds.encode()).top(64), top);
    }),
  );
});

test("refuses points without reporter, without destination, or with names that cannot be ids", () => {
  assert.equal(readTrafficPoint({ ...LABELS, reporter: "gateway" }), undefined);
  assert.equal(readTrafficPoint({ reporter: "source", source_workload: "a" }), undefined);
  const forged = readTrafficPoint({ ...LABELS, source_workload: "a->workload/shop/b" });
  assert.equal(forged?.source.id, "outside/unknown");
  assert.equal(readRefusedPoint({ heddle_source_address: "1.2.3.4" }), undefined);
});

test("an edge id comes apart into its ends", () => {
  const id = edgeId("workload/shop/web", "external/api.example");
  assert.deepEqual(parseEdgeId(id), {
    sourceId: "workload/shop/web",
    destinationId: "external/api.example",
  });
  for (const bad of ["", "a", "->b", "a->", "a->b->c"]) assert.equal(parseEdgeId(bad), undefined);
});

test("takes traffic from the source and transport from the destination", () => {
  const bySource = tallyOf(100, 7, 20);
  const byDestination = tallyOf(93, 0, 15);
  byDestination.mtlsRequests = 60;
  byDestination.plaintextRequests = 33;
  const counts = [{ bySource, byDestination }];
  const both = effectiveTally(counts, true);
  assert.equal(both.requests, 100);
  assert.equal(both.errors, 7);
  assert.equal(mtlsRatio(both), 60 / 93);
  assert.equal(goldenSignals(both, 10_000).requestsPerSecond, 10);
  assert.equal(effectiveTally(counts, false).requests, 93);
  assert.equal(
    mtlsRatio(effectiveTally([{ bySource, byDestination: undefined }], true)),
    undefined,
  );
});

test("the sum of an edge does not depend on the order of its parts", () => {
  const part = fc.tuple(
    fc.nat({ max: 100 }),
    fc.nat({ max: 100 }),
    fc.integer({ min: 1, max: 9999 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const counts = parts.map(([requests, other, latencyMs]) => ({
        bySource: tallyOf(requests, requests >> 1, latencyMs),
        byDestination: tallyOf(other, 0, latencyMs),
      }));
      const forward = goldenSignals(effectiveTally(counts, true), 1000);
      const backward = goldenSignals(effectiveTally(counts.toReversed(), true), 1000);
      assert.deepEqual(forward, backward);
    }),
  );
});

function traffic(source: TrafficNode, destination: TrafficNode, tally: TrafficTally): EdgeTraffic {
  const id = edgeId(source.id, destination.id);
  const rest = { open: NONE_OPEN, lastRequestMs: 1, sourcePrincipal: undefined };
  return { id, source, destination, tally, ...rest };
}

test("the service view adds versions up and leaves what is outside as it is", () => {
  const edges = [
    traffic(workload("web"), workload("reviews-v1"), tallyOf(90, 0)),
    traffic(workload("web"), workload("reviews-v2"), tallyOf(10, 5)),
    traffic(outsideNode("10.0.0.1"), workload("web"), tallyOf(1)),
  ];
  const merged = toServiceEdges(edges);
  assert.deepEqual(
    merged.map((edge) => [edge.id, edge.tally.requests, edge.tally.errors]),
    [
      ["service/shop/web->service/shop/reviews", 100, 5],
      ["outside/10.0.0.1->service/shop/web", 1, 0],
    ],
  );
  assert.equal(edges[0]?.tally.requests, 90, "the parts stay as they were");
});

test("traffic enters the mesh from outside and from whom nobody calls", () => {
  const edges = [
    traffic(workload("loader"), workload("web"), tallyOf(1)),
    traffic(workload("web"), workload("reviews-v1"), tallyOf(1)),
    traffic(outsideNode("10.0.0.1"), workload("reviews-v1"), tallyOf(1)),
  ];
  assert.deepEqual(
    entryEdges(edges).map((edge) => edge.source.id),
    ["workload/shop/loader", "outside/10.0.0.1"],
  );
});

function failing(from: string, to: string, errors: Partial<FailingEdge["whoFailed"]>): FailingEdge {
  const whoFailed = { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0, ...errors };
  const [source, destination] = [workload(from), workload(to)];
  const sum = whoFailed.app + whoFailed.outboundProxy + whoFailed.inboundProxy + whoFailed.network;
  return { id: edgeId(source.id, destination.id), source, destination, errors: sum, whoFailed };
}

test("blames the deepest node that makes the errors, not those who hand them up", () => {
  const { byNode, byEdge } = assignBlame([
    failing("web", "orders", { app: 30 }),
    failing("orders", "payments-v2", { app: 30 }),
    failing("payments-v2", "ledger", {}),
  ]);
  const blame = (name: string) => byNode.get(`workload/shop/${name}`);
  assert.deepEqual(blame("payments-v2"), { ownErrors: 30, becauseOf: undefined });
  assert.deepEqual(blame("orders"), { ownErrors: 0, becauseOf: "payments-v2" });
  assert.deepEqual(blame("web"), { ownErrors: 0, becauseOf: "payments-v2" });
  assert.deepEqual(byEdge.get("workload/shop/web->workload/shop/orders"), {
    ownErrors: 0,
    becauseOf: "payments-v2",
  });
  assert.equal(byEdge.get("workload/shop/orders->workload/shop/payments-v2")?.ownErrors, 30);
});

test("keeps errors of the network and of proxies where they happened", () => {
  const { byNode } = assignBlame([
    failing("web", "orders", { network: 20, app: 10 }),
    failing("orders", "payments-v2", { app: 50 }),
  ]);
  assert.deepEqual(byNode.get("workload/shop/orders"), { ownErrors: 20, becauseOf: "payments-v2" });
});

test("blame ends in a circle of callers and does not depend on the order of edges", () => {
  const names = fc.constantFrom("a", "b", "c", "d");
  const anyEdge = fc
    .tuple(names, names, fc.nat({ max: 50 }))
    .map(([from, to, app]) => failing(from, to, { app }));
  const unique = fc.uniqueArray(anyEdge, { selector: (edge) => edge.id, maxLength: 10 });
  fc.assert(
    fc.property(unique, (edges) => {
      const forward = assignBlame(edges);
      const backward = assignBlame(edges.toReversed());
      for (const edge of edges) {
        assert.deepEqual(forward.byEdge.get(edge.id), backward.byEdge.get(edge.id));
        const own = forward.byEdge.get(edge.id)?.ownErrors ?? -1;
        assert.ok(own >= 0 && own <= edge.errors);
      }
      for (const [id, blame] of forward.byNode) {
        assert.deepEqual(blame, backward.byNode.get(id));
        assert.ok(blame.ownErrors >= 0);
      }
    }),
  );
});
