import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyConfigResponse, RunningResource } from "@heddle/contracts";
import { formatProxyConfig } from "./proxy-config-tables.ts";

const document = { kind: "VirtualService" as const, namespace: "shop", name: "web", revision: 7 };
const service: RunningResource = {
  key: "service/shop/reviews",
  kind: "service",
  version: "abc",
  revision: 7,
  standing: "same",
  documents: [document],
  parts: [{ part: 'routes[0] "canary"', document }],
  content: {
    routes: [
      {
        name: "canary",
        matches: [],
        destinations: [
          { service: { namespace: "shop", name: "reviews" }, subset: "v1", weight: 90 },
          { service: { namespace: "shop", name: "reviews" }, subset: "v2", weight: 10 },
        ],
      },
    ],
    subsets: [{ name: "v1", labels: {} }],
  },
};
const config: ProxyConfigResponse = {
  proxyId: "p1",
  name: "host-a",
  version: "0.1.0",
  part: "all",
  answeredAtMs: 0,
  answerMs: 3.5,
  revision: 7,
  outboundTrafficPolicy: "ALLOW_ANY",
  resources: [service],
  missing: [],
  certificates: [],
  destinations: [],
  isTruncated: false,
};

test("shows each route with where it goes and the document and revision it comes from", () => {
  const lines = formatProxyConfig({ ...config, part: "routes" }).split("\n");
  assert.ok(
    lines.includes(
      "shop/reviews  canary  any      reviews v1 90, reviews v2 10  VirtualService shop/web@7",
    ),
    lines.join("\n"),
  );
  assert.equal(lines.at(-1), "it runs what it is to run");
});

test("says what differs from what the proxy is to run", () => {
  const resources = [
    { ...service, standing: "differs" as const, wantedVersion: "def" },
    { ...service, key: "service/shop/gone", standing: "surplus" as const },
  ];
  const missing = [{ key: "endpoints/shop/reviews", version: "1" }];
  const text = formatProxyConfig({ ...config, resources, missing });
  assert.match(text, /service\/shop\/reviews runs version abc, is to run def/);
  assert.match(text, /service\/shop\/gone is not to be there/);
  assert.match(text, /endpoints\/shop\/reviews version 1 is missing/);
});
