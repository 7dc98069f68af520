import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeEvent, type LoginResponse, type MeResponse } from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { runControlPlane, tokenFor } from "./running-control-plane.ts";
import { subsets } from "./shop-documents.ts";

test("a login link works once and becomes a session", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const token = await tokenFor("login", "operator");
  const login = () => plane.callAs<LoginResponse>(undefined, "POST", "/login", { token });
  const answers = await Promise.all([login(), login(), login()]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401]);
  const session = answers.find(({ status }) => status === 200)?.body;
  assert.deepEqual(session?.user, { name: "ada", role: "operator" });
  const response = await fetch(`http://127.0.0.1:${plane.adminPort}/api/v1/me`, {
    headers: { authorization: `Bearer ${session?.sessionToken}` },
  });
  const me = (await response.json()) as MeResponse;
  assert.deepEqual([me.name, me.role, me.expiresAtMs], ["ada", "operator", session?.expiresAtMs]);
  const asSession = await plane.callAs(undefined, "POST", "/login", {
    token: session?.sessionToken,
  });
  assert.equal(asSession.status, 401);
});

const acts = [
  { method: "GET", path: "/workloads", body: undefined, needs: "viewer" },
  { method: "POST", path: "/apply", body: { yaml: subsets("a", "v1") }, needs: "operator" },
  { method: "POST", path: "/revisions/1/restore", body: {}, needs: "operator" },
  { method: "PUT", path: "/mtls/shop/a", body: { mode: "STRICT" }, needs: "operator" },
  { method: "POST", path: "/canaries/shop/a/rollback", body: {}, needs: "operator" },
  { method: "DELETE", path: "/resources/VirtualService/a/b", body: undefined, needs: "operator" },
  { method: "POST", path: "/tokens", body: { namespace: "shop" }, needs: "admin" },
  { method: "GET", path: "/tokens", body: undefined, needs: "viewer" },
  { method: "DELETE", path: "/tokens/nothing", body: undefined, needs: "admin" },
  { method: "GET", path: "/identity", body: undefined, needs: "viewer" },
  { method: "GET", path: "/certificates", body: undefined, needs: "viewer" },
  { method: "GET", path: "/identity/rotations", body: undefined, needs: "viewer" },
  { method: "POST", path: "/identity/rotations/abort", body: undefined, needs: "admin" },
  { method: "POST", path: "/identity/rotations/advance", body: {}, needs: "admin" },
  { method: "POST", path: "/identity/rotations", body: { of: "root" }, needs: "admin" },
  { method: "POST", path: "/identity/rescue", body: {}, needs: "admin" },
  {
    method: "POST",
    path: "/certificates/revocations",
    body: { workload: "shop/nobody", reason: "none" },
    needs: "admin",
  },
] as const;
test("every act needs its role, and no act goes without a token", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const roles = ["viewer", "operator", "admin"] as const;
  for (const { method, path, body, needs } of acts) {
    const anonymous = await plane.callAs(undefined, method, path, body);
    assert.equal(anonymous.status, 401, path);
    for (const role of roles) {
      const { status } = await plane.callAs(role, method, path, body);
      const isAllowed = roles.indexOf(role) >= roles.indexOf(needs);
      assert.equal(status !== 403, isAllowed, `${role} ${method} ${path}: ${status}`);
    }
  }
});

test("who listens hears of a revision as it happens", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const response = await fetch(`http://127.0.0.1:${plane.adminPort}/api/v1/events`, {
    headers: { authorization: `Bearer ${await tokenFor("api", "viewer")}` },
    signal: AbortSignal.timeout(10_000),
  });
  assert.ok(response.body);
  const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader();
  await chunks.read(); // ": connected"
  await plane.apply(subsets("reviews", "v1"));
  const text = (await chunks.read()).value ?? "";
  await chunks.cancel();
  assert.match(text, /^event: change$/m);
  const event = ChangeEvent.parse(JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? ""));
  assert.ok(event.type === "revision");
  assert.equal(event.revision.summary, "Created DestinationRule shop/reviews");
});

test("health and metrics need no token; an unknown path and a faulty body are said to be so", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const get = (path: string) => fetch(`http://127.0.0.1:${plane.adminPort}${path}`);
  assert.equal((await get("/healthz")).status, 200);
  assert.equal((await get("/readyz")).status, 200);
  assert.match(await (await get("/metrics")).text(), /^pilot_xds 0$/m);
  const missing = await get("/nowhere");
  assert.equal(missing.status, 404);
  assert.equal(missing.headers.get("content-type"), "application/problem+json");
  const faulty = await plane.call("POST", "/apply", { yaml: 7 });
  assert.deepEqual([faulty.status, faulty.body.errors?.[0]?.field], [400, "yaml"]);
  const query = await plane.call("GET", "/revisions?limit=many");
  assert.deepEqual([query.status, query.body.errors?.[0]?.field], [400, "limit"]);
});
