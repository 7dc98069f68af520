import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTROL_STREAM_PROTOCOL, type WorkloadRegistration } from "@heddle/contracts";
import { checkHello } from "./check-hello.ts";

const proxy = { id: "px-1", namespace: "shop", workload: undefined };
const reviews: WorkloadRegistration = {
  namespace: "shop",
  workload: "reviews-v1-9",
  service: "reviews",
  version: "v1.9",
  labels: { app: "reviews", version: "v1.9" },
  instanceId: "px-1/shop/reviews-v1-9",
  address: "127.0.0.1",
  inboundPort: 15_006,
  appPort: 9000,
  protocol: "http",
};

function check(
  workloads: WorkloadRegistration[],
  more: { proxyId?: string; protocol?: number } = {},
) {
  return checkHello(
    {
      type: "hello",
      protocol: CONTROL_STREAM_PROTOCOL,
      proxyId: "px-1",
      proxyName: "host-a",
      proxyVersion: "0.1.0",
      subscriptions: [],
      have: [],
      workloads,
      ...more,
    },
    proxy,
  );
}

const { appPort: _, ...callerOnly } = reviews;
const welcome: Record<string, WorkloadRegistration> = {
  "with a dotted version": reviews,
  "that only calls others": { ...callerOnly, inboundPort: 0 },
  "reached by a host name": { ...reviews, address: "reviews.internal" },
  "with several ports, in a zone": {
    ...reviews,
    locality: "eu/eu-1",
    morePorts: [{ appPort: 9001, inboundPort: 15_007, protocol: "grpc" }],
  },
};
for (const [what, workload] of Object.entries(welcome)) {
  test(`a workload ${what} is welcome`, () => assert.equal(check([workload]), undefined));
}

const refused: Record<string, { workload: WorkloadRegistration; message: RegExp }> = {
  "of another namespace": {
    workload: { ...reviews, namespace: "bank" },
    message: /bank\/reviews-v1-9: the join token of this proxy allows only shop\/\*/,
  },
  "under another proxy's instance id": {
    workload: { ...reviews, instanceId: "px-2/shop/reviews-v1-9" },
    message: /instanceId is not px-1\/shop\/reviews-v1-9/,
  },
  "with a name no certificate should carry": {
    workload: { ...reviews, workload: "a/b", instanceId: "px-1/shop/a/b" },
    message: /the name is not an RFC 1123 label/,
  },
  "that serves on no port": {
    workload: { ...reviews, inboundPort: 0 },
    message: /inboundPort 0 is no port/,
  },
  "with one port twice": {
    workload: {
      ...reviews,
      morePorts: [{ appPort: 9000, inboundPort: 15_007, protocol: "tcp" }],
    },
    message: /an app port is named twice/,
  },
  "whose further port is none, in a place with too many parts": {
    workload: {
      ...reviews,
      locality: "a/b/c/d",
      morePorts: [{ appPort: 9001, inboundPort: 0, protocol: "tcp" }],
    },
    message: /morePorts\[0\]\.inboundPort 0 is no port; locality "a\/b\/c\/d" is not region/,
  },
  "with several faults at once": {
    workload: { ...reviews, address: "a b", service: "Reviews", appPort: 70_000 },
    message: /service "Reviews".*appPort 70000 is no port; address "a b"/,
  },
};
for (const [what, { workload, message }] of Object.entries(refused)) {
  test(`a workload ${what} is refused`, () => {
    assert.match(check([workload])?.message ?? "", message);
  });
}

test("a hello of another proxy, another protocol or with a workload twice is refused", () => {
  assert.equal(check([], { proxyId: "px-2" })?.code, "HEDDLE_NOT_YOUR_IDENTITY");
  assert.equal(check([], { protocol: 99 })?.code, "HEDDLE_PROTOCOL");
  assert.equal(check([reviews, reviews])?.code, "HEDDLE_BAD_REGISTRATION");
});
