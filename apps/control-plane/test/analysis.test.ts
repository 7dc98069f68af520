import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnalysisResponse, AnalyzeResponse, AuditResponse, Finding } from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { runControlPlane } from "./running-control-plane.ts";

const ENTRY = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pay, namespace: shop}
spec:
  hosts: [pay.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
`;
const ROUTE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: pay
  namespace: shop
spec:
  hosts: [pay.example.com]
  http:
  - route:
    - destination:
        host: pay.example.com
      weight: 50
    - destination:
        host: pay.example.org
      weight: 50
`;

const codesOf = (findings: readonly Finding[] | undefined) =>
  (findings ?? []).filter(({ severity }) => severity === "error").map(({ code }) => code);

test("findings come with an apply, of the live mesh and of files, with the place of each", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const dry = await plane.apply(`${ENTRY}---\n${ROUTE}`, { dryRun: true });
  assert.equal(dry.status, 200, JSON.stringify(dry.body));
  assert.deepEqual(codesOf(dry.body.findings), ["IST0101"]);
  const [finding] = dry.body.findings ?? [];
  assert.equal(finding?.resource, "VirtualService shop/pay");
  assert.equal(finding?.path, "spec.http[0].route[1].destination.host");
  assert.equal(finding?.line, 22);

  const done = await plane.apply(`${ENTRY}---\n${ROUTE}`);
  assert.equal(done.status, 200, JSON.stringify(done.body));
  assert.deepEqual(codesOf(done.body.findings), ["IST0101"]);

  const live = await plane.call<AnalysisResponse>("GET", "/analysis?severity=error");
  assert.equal(live.body.revision, 1);
  assert.deepEqual(codesOf(live.body.findings), ["IST0101"]);
  assert.equal(live.body.findings[0]?.file, undefined);
  const elsewhere = await plane.call<AnalysisResponse>("GET", "/analysis?namespace=other");
  assert.deepEqual(elsewhere.body.findings, []);

  const files = [{ name: "route.yaml", text: ROUTE.replace("pay.example.org", "pay.example.com") }];
  const asked = await plane.call<AnalyzeResponse>("POST", "/analyze", { files });
  assert.equal(asked.status, 200, JSON.stringify(asked.body));
  assert.equal(asked.body.documents, 1);
  assert.deepEqual(codesOf(asked.body.findings), []);

  const audit = await plane.call<AuditResponse>("GET", "/audit");
  assert.ok(!JSON.stringify(audit.body).includes("analyze"));
});
