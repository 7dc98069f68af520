import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { CallOptions } from "../../harness/send-request.ts";

const KIND = "Telemetry";
const VAULT = "selector: {matchLabels: {app: vault}}";
/** The spans come in pushes of about a second; a case that expects none waits for another's. */
const SPANS_MS = 20_000;

/** A case with a Telemetry document for vault, and none of the callers' spans sampled. */
function telemetryProof(
  fields: string,
  title: string,
  spec: string,
  run: (mesh: CaseMesh) => Promise<void>,
): ConformanceCase {
  return proof(
    KIND,
    fields,
    title,
    async (mesh) => {
      await mesh.applyOne(KIND, spec);
      await run(mesh);
    },
    { isAlone: true },
  );
}

/** A path that names this case and request, so that spans and lines can be told apart. */
const pathOf = (mesh: CaseMesh, name: string) => `/${mesh.id}/${name}`;

const ask = (mesh: CaseMesh, name: string, options: CallOptions = {}) =>
  mesh.direct(mesh.world.inboundPort("vault"), {
    host: "vault",
    path: pathOf(mesh, name),
    ...options,
  });

function spansOf(mesh: CaseMesh, name: string) {
  const path = pathOf(mesh, name);
  return mesh.mesh.sink.spans.filter(({ attributes }) => attributes["url.path"] === path);
}

function linesOf(mesh: CaseMesh, name: string): Record<string, unknown>[] {
  const output = mesh.world.proxies.servers.output();
  return output
    .split("\n")
    .filter((line) => line.includes(`"${pathOf(mesh, name)}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A failed request's span is always kept, so once this one has come, nothing earlier is still on its way. */
async function untilPushed(mesh: CaseMesh): Promise<void> {
  await ask(mesh, "last", { do: "status=500" });
  await waitFor("the last span has come", SPANS_MS, () => spansOf(mesh, "last").length > 0);
}

export const telemetryCases: readonly ConformanceCase[] = [
  telemetryProof(
    "tracing[].randomSamplingPercentage",
    "is the share of requests without a decision of their own that is traced",
    `${VAULT}, tracing: [{randomSamplingPercentage: 30}]`,
    async (mesh) => {
      for (let sent = 0; sent < 100; sent++) await ask(mesh, "sampled");
      await untilPushed(mesh);
      const count = spansOf(mesh, "sampled").length;
      // Drawn by chance: 30, give or take four standard deviations.
      assert.ok(count >= 11 && count <= 49, `${count} of 100`);
    },
  ),
  telemetryProof(
    "tracing[].disableSpanReporting",
    "sends no spans",
    `${VAULT}, tracing: [{randomSamplingPercentage: 100, disableSpanReporting: true}]`,
    async (mesh) => {
      await ask(mesh, "silent");
      await mesh.applyOne(KIND, `${VAULT}, tracing: [{randomSamplingPercentage: 100}]`);
      await ask(mesh, "told");
      await waitFor("the span has come", SPANS_MS, () => spansOf(mesh, "told").length === 1);
      assert.equal(spansOf(mesh, "silent").length, 0);
    },
  ),
  telemetryProof(
    "tracing[].customTags.*.literal.value tracing[].customTags.*.environment.name tracing[].customTags.*.environment.defaultValue tracing[].customTags.*.header.name tracing[].customTags.*.header.defaultValue",
    "are written into every span: fixed, of the proxy's environment, of the request's headers",
    `${VAULT}, tracing: [{randomSamplingPercentage: 100, customTags: {stage: {literal: {value: proving}}, host: {environment: {name: CONFORMANCE_ENVIRONMENT}}, none: {environment: {name: NOT_SET_AT_ALL, defaultValue: absent}}, user: {header: {name: x-user}}, plan: {header: {name: x-plan, defaultValue: free}}}}]`,
    async (mesh) => {
      await ask(mesh, "tagged", { headers: { "x-user": "ann" } });
      await waitFor("the span has come", SPANS_MS, () => spansOf(mesh, "tagged").length === 1);
      const attributes = spansOf(mesh, "tagged")[0]?.attributes ?? {};
      assert.deepEqual(
        ["stage", "host", "none", "user", "plan"].map((name) => attributes[name]),
        ["proving", "proving", "absent", "ann", "free"],
      );
    },
  ),
  telemetryProof(
    "tracing[].providers[].name",
    "may be anything: spans go by OTLP to where the proxy was told",
    `${VAULT}, tracing: [{providers: [{name: tempo}], randomSamplingPercentage: 100}]`,
    async (mesh) => {
      await ask(mesh, "provided");
      await waitFor("the span has come", SPANS_MS, () => spansOf(mesh, "provided").length === 1);
    },
  ),
  telemetryProof(
    "accessLogging[].providers[].name accessLogging",
    "writes each request as a line of JSON with Istio's keys",
    `${VAULT}, accessLogging: [{providers: [{name: envoy}]}]`,
    async (mesh) => {
      await ask(mesh, "logged", { method: "POST", body: "12345" });
      await waitFor("the line has come", 15_000, () => linesOf(mesh, "logged").length === 1);
      const [line] = linesOf(mesh, "logged");
      assert.deepEqual(
        [
          line?.["method"],
          line?.["response_code"],
          line?.["response_flags"],
          line?.["bytes_received"],
        ],
        ["POST", 200, "-", 5],
      );
    },
  ),
  telemetryProof(
    "accessLogging[].filter.expression",
    "writes only requests that failed when it asks for response.code >= 400",
    `${VAULT}, accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code >= 400"}}]`,
    async (mesh) => {
      await ask(mesh, "good");
      await ask(mesh, "bad", { do: "status=404" });
      await waitFor("the line has come", 15_000, () => linesOf(mesh, "bad").length === 1);
      assert.equal(linesOf(mesh, "good").length, 0);
    },
  ),
  telemetryProof(
    "accessLogging[].disabled selector.matchLabels",
    "of a workload goes before the mesh's",
    `${VAULT}, accessLogging: [{disabled: true}]`,
    async (mesh) => {
      await mesh.applyOne(KIND, "accessLogging: [{providers: [{name: envoy}]}]", {
        namespace: "istio-system",
      });
      await ask(mesh, "quiet");
      const path = pathOf(mesh, "loud");
      await mesh.call({ host: "ratings", path });
      await waitFor("the line has come", 15_000, () => linesOf(mesh, "loud").length === 1);
      assert.equal(linesOf(mesh, "quiet").length, 0);
    },
  ),
];
