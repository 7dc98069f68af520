import assert from "node:assert/strict";
import { test } from "node:test";
import type { MtlsMode, PeerAuthentication } from "./mtls-mode.ts";
import { resolveMtlsMode } from "./resolve-mtls-mode.ts";

const reviews = { namespace: "shop", labels: { app: "reviews", version: "v2" } };

function policy(
  id: string,
  mode: MtlsMode | undefined,
  selector?: Record<string, string>,
  createdAtMs = 1,
): PeerAuthentication {
  const [namespace = "", name = ""] = id.split("/");
  return { namespace, name, createdAtMs, selector, mode };
}

const cases: Record<string, { policies: PeerAuthentication[]; mode: MtlsMode; from?: string }> = {
  "is PERMISSIVE when there is no policy": { policies: [], mode: "PERMISSIVE" },
  "comes from the mesh when nothing nearer speaks": {
    policies: [policy("istio-system/default", "STRICT")],
    mode: "STRICT",
    from: "istio-system/default",
  },
  "comes from the namespace before the mesh": {
    policies: [policy("istio-system/default", "STRICT"), policy("shop/default", "DISABLE")],
    mode: "DISABLE",
    from: "shop/default",
  },
  "comes from the workload's policy before the namespace's": {
    policies: [
      policy("shop/default", "STRICT"),
      policy("shop/one", "PERMISSIVE", { app: "reviews" }),
    ],
    mode: "PERMISSIVE",
    from: "shop/one",
  },
  "passes over UNSET to the level above": {
    policies: [
      policy("istio-system/default", "STRICT"),
      policy("shop/default", undefined),
      policy("shop/one", undefined, { app: "reviews" }),
    ],
    mode: "STRICT",
    from: "istio-system/default",
  },
  "is the oldest policy's of two in one scope": {
    policies: [
      policy("shop/young", "DISABLE", { app: "reviews" }, 20),
      policy("shop/old", "STRICT", { version: "v2" }, 10),
    ],
    mode: "STRICT",
    from: "shop/old",
  },
  "does not fall to the second policy of a scope when the oldest is UNSET": {
    policies: [
      policy("shop/old", undefined, { app: "reviews" }, 10),
      policy("shop/young", "STRICT", { app: "reviews" }, 20),
    ],
    mode: "PERMISSIVE",
  },
  "goes by name among policies of one age": {
    policies: [policy("shop/b", "STRICT"), policy("shop/a", "DISABLE")],
    mode: "DISABLE",
    from: "shop/a",
  },
  "ignores a selector in the root namespace": {
    policies: [policy("istio-system/one", "STRICT", { app: "reviews" })],
    mode: "PERMISSIVE",
  },
  "ignores other namespaces": {
    policies: [policy("bank/default", "STRICT"), policy("bank/x", "STRICT", { app: "reviews" })],
    mode: "PERMISSIVE",
  },
  "needs every label of a selector": {
    policies: [policy("shop/x", "STRICT", { app: "reviews", version: "v3" })],
    mode: "PERMISSIVE",
  },
};
for (const [title, { policies, mode, from }] of Object.entries(cases)) {
  test(`the mode ${title}`, () => {
    const effective = resolveMtlsMode(policies, reviews);
    assert.equal(effective.mode, mode);
    const name = effective.policy && `${effective.policy.namespace}/${effective.policy.name}`;
    assert.equal(name, from);
  });
}
