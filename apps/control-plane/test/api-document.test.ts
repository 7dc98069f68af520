import assert from "node:assert/strict";
import http from "node:http";
import { type AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type {
  ApiTokenCreateResponse,
  GraphSnapshot,
  OpenApiDocument,
  Problem,
  RecentRequestsResponse,
} from "@heddle/contracts";
import { type Mesh, startMesh, waitFor } from "@heddle/testkit";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { documents, split, subsets } from "./shop-documents.ts";

type Json = Record<string, unknown>;
type Operation = {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly described: Json;
};

const DEADLINE_MS = 30_000;
const READ_ROLES = new Set(["anyone", "self", "viewer"]);
let mesh: Mesh;
let servers: { readonly origin: string; readonly document: OpenApiDocument }[];
const closing: (() => unknown)[] = [];
const scope = { after: (close: () => unknown) => closing.push(close) };

before(async () => {
  mesh = await startMesh(scope);
  const collector = await mesh.startCollector();
  const origins = [mesh.controlPlane.ready.adminPort, collector.ready.adminPort];
  servers = await Promise.all(
    origins.map(async (port) => {
      const origin = `http://127.0.0.1:${port}`;
      const answer = await fetch(`${origin}/api/openapi.json`);
      return { origin, document: (await answer.json()) as OpenApiDocument };
    }),
  );
  await makeTraffic(`http://127.0.0.1:${collector.ready.otlpPort}`);
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

test("each server's document is OpenAPI 3.1", async () => {
  for (const { document } of servers) {
    const outcome = await new Validator().validate(structuredClone(document));
    assert.ok(outcome.valid, JSON.stringify(outcome.errors, null, 2));
  }
});

test("what a running mesh answers is what is described", async () => {
  await waitFor("the effect of the first revision is judged", 60_000, async () => {
    return (await mesh.call("GET", "/revisions/1/effect")).status === 200;
  });
  const known = await knownParameters();
  const checked: string[] = [];
  for (const operation of operations()) {
    const schema = answerSchema(operation);
    if (operation.method !== "get" || !operation.path.startsWith("/api/v1/") || !schema) continue;
    const address = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(known(operation.path, name)),
    );
    const path = `${address}?${requiredQuery(operation, known)}`;
    const { status, body } = await ask(operation, path, mesh.apiToken);
    const about = `GET ${path} → ${status} ${JSON.stringify(body).slice(0, 300)}`;
    if (/\{(id|name|user)\}/.test(operation.path) && status === 404) continue; // none is there now
    assert.equal(status, 200, about);
    assert.deepEqual(faultsOf(operation, schema, body), [], about);
    checked.push(operation.path);
  }
  assert.ok(checked.length >= 30, `only ${checked.length} were checked`);
});

test("whoever lacks the role that is described is refused", async () => {
  const made = await mesh.call<ApiTokenCreateResponse>("POST", "/api-tokens", {
    name: "looks only",
    grants: [{ namespace: "shop", role: "viewer" }],
  });
  assert.equal(made.status, 200);
  for (const operation of operations()) {
    const role = String(operation.described["x-heddle-role"]);
    if (READ_ROLES.has(role)) continue;
    const path = operation.path.replaceAll(/\{revision\}/g, "1").replaceAll(/\{kind\}/g, "Sidecar");
    const { status, body } = await ask(
      operation,
      path.replaceAll(/\{\w+\}/g, "shop"),
      made.body.secret,
      {},
    );
    assert.equal(status, 403, `${operation.method} ${path}: ${JSON.stringify(body)}`);
  }
});

test("nothing that is sent makes a server fail or hang, and every refusal is a problem", async () => {
  const all = operations().filter(
    ({ described, path }) => !isStream(described) && path.startsWith("/api/v1/"),
  );
  const text = fc.oneof(
    fc.constantFrom("shop", "reviews", "1", "", "*", "..", "%", "a/b", "true", "-1", "1e400"),
    fc.string({ maxLength: 30, unit: "grapheme" }),
  );
  const value = fc.oneof(text, fc.jsonValue({ maxDepth: 2 }), fc.integer());
  const request = fc.constantFrom(...all).chain((operation) => {
    const names = fieldNames(operation);
    const field = names.length === 0 ? text : fc.oneof(fc.constantFrom(...names), text);
    return fc.record({
      operation: fc.constant(operation),
      parts: fc.array(text, { minLength: 4, maxLength: 4 }),
      query: fc.dictionary(field, text, { maxKeys: 3 }),
      body: fc.oneof(fc.dictionary(field, value, { maxKeys: 5 }), fc.jsonValue({ maxDepth: 3 })),
    });
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ operation, parts, query, body }) => {
      let next = 0;
      const path = operation.path.replaceAll(/\{\w+\}/g, () =>
        encodeURIComponent(parts[next++] || "x"),
      );
      const search = new URLSearchParams(query).toString();
      const answer = await ask(operation, `${path}?${search}`, mesh.apiToken, body);
      assert.ok(answer.status < 500, `${answer.status} ${JSON.stringify(answer.body)}`);
      if (answer.status < 400) return;
      const { status, code, detail } = answer.body as Problem;
      assert.equal(answer.type, "application/problem+json");
      assert.deepEqual([status, typeof code, typeof detail], [answer.status, "string", "string"]);
    }),
    { numRuns: 400, interruptAfterTimeLimit: 60_000 },
  );
});

function operations(): Operation[] {
  return servers.flatMap(({ origin, document }) =>
    Object.entries(document.paths).flatMap(([path, byMethod]) =>
      Object.entries(byMethod).map(([method, described]) => ({ origin, method, path, described })),
    ),
  );
}

async function ask({ origin, method }: Operation, path: string, token: string, body?: unknown) {
  const response = await fetch(origin + path, {
    method: method.toUpperCase(),
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined || method === "get" ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const text = await response.text();
  const type = response.headers.get("content-type");
  return {
    status: response.status,
    type,
    body: (type?.includes("json") ? JSON.parse(text) : text) as unknown,
  };
}

function contentOf(part: unknown, type: string): Json | undefined {
  const { content } = (part ?? {}) as { content?: Record<string, { schema?: Json }> };
  return content?.[type]?.schema;
}

function answerSchema({ described }: Operation): Json | undefined {
  return contentOf((described["responses"] as Json)["200"], "application/json");
}

function isStream(described: Json): boolean {
  return contentOf((described["responses"] as Json)["200"], "text/event-stream") !== undefined;
}

/** The names a body or a query may hold, so that not all that is sent is refused at once. */
function fieldNames(operation: Operation): string[] {
  const parameters = operation.described["parameters"] as { name: string; in: string }[];
  const schema = contentOf(operation.described["requestBody"], "application/json");
  const reference = schema?.["$ref"];
  const name = typeof reference === "string" ? (/[A-Za-z]+$/.exec(reference)?.[0] ?? "") : "";
  const shape = documentOf(operation).components.schemas[name] ?? schema;
  return [
    ...parameters.filter((one) => one.in === "query").map((one) => one.name),
    ...Object.keys(shape?.["properties"] ?? {}),
  ];
}

function requiredQuery(
  { path, described }: Operation,
  known: (path: string, name: string) => string,
): string {
  const parameters = described["parameters"] as { name: string; in: string; required: boolean }[];
  const required = parameters.filter((one) => one.in === "query" && one.required);
  return new URLSearchParams(required.map(({ name }) => [name, known(path, name)])).toString();
}

function documentOf({ origin }: Operation): OpenApiDocument {
  const found = servers.find((server) => server.origin === origin);
  assert.ok(found);
  return found.document;
}

/** Answers are described as open; here a field too many is a fault: the description has been forgotten. */
function faultsOf(operation: Operation, schema: Json, body: unknown): string[] {
  const { components } = documentOf(operation);
  const closed = JSON.parse(JSON.stringify({ ...schema, components }), (_, value: unknown) => {
    const isObject = (value as Json | null)?.["properties"] !== undefined;
    const isOpen = (value as Json | null)?.["additionalProperties"] !== undefined;
    return isObject && !isOpen ? { ...(value as Json), additionalProperties: false } : value;
  }) as Json;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(closed);
  if (validate(body)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

/** A shop of two services in this process, called until the collector knows the edge and a trace. */
async function makeTraffic(otlpEndpoint: string): Promise<void> {
  const app = http.createServer((_, response) => response.end("ok"));
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  scope.after(() => app.close());
  const { port: appPort } = app.address() as AddressInfo;
  const workload = (service: string, version: string) => ({
    namespace: "shop",
    service,
    version,
    appPort,
    protocol: "http",
  });
  const proxy = await mesh.startProxy(
    "shop",
    {
      name: "host-a",
      workloads: [workload("front", "v1"), workload("reviews", "v1"), workload("reviews", "v2")],
    },
    { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint, HEDDLE_TRACE_SAMPLING: "1" },
  );
  await mesh.apply(documents(subsets("reviews", "v1", "v2"), split("reviews", { v1: 90, v2: 10 })));
  const port = proxy.ready.workloads[0]?.outboundPort ?? 0;
  const call = () =>
    new Promise<void>((resolve, reject) => {
      http
        .get(
          { host: "127.0.0.1", port, headers: { host: "reviews" }, agent: false },
          (response) => {
            response.resume().once("end", resolve);
          },
        )
        .once("error", reject);
    });
  await waitFor("an edge and a trace of it", 60_000, async () => {
    await call();
    return (await anEdge()) !== undefined && (await aTrace()) !== undefined;
  });
}

async function readCollector<Body>(path: string): Promise<Body> {
  const response = await fetch(`${servers[1]?.origin}/api/v1${path}`, {
    headers: { authorization: `Bearer ${mesh.apiToken}` },
  });
  return (await response.json()) as Body;
}

async function anEdge(): Promise<GraphSnapshot["edges"][number] | undefined> {
  return (await readCollector<GraphSnapshot>("/graph")).edges[0];
}

async function aTrace(): Promise<string | undefined> {
  const edge = await anEdge();
  if (!edge) return undefined;
  const path = `/edges/${encodeURIComponent(edge.id)}/requests`;
  return (await readCollector<RecentRequestsResponse>(path)).requests[0]?.traceId;
}

/** A value for each part of a path, of something that is there. */
async function knownParameters() {
  const edge = await anEdge();
  const traceId = await aTrace();
  assert.ok(edge && traceId !== undefined);
  const proxies = await mesh.call<{ proxies: { proxyId: string }[] }>("GET", "/proxies");
  const proxyId = proxies.body.proxies[0]?.proxyId ?? "";
  const byName: Record<string, string> = {
    namespace: "shop",
    service: "reviews",
    workload: "reviews-v1",
    kind: "VirtualService",
    revision: "1",
    from: "1",
    to: "1",
    proxyId,
    traceId,
    name: "reviews",
  };
  return (path: string, name: string): string => {
    if (path.startsWith("/api/v1/edges/")) return edge.id;
    if (path.startsWith("/api/v1/nodes/")) return edge.destination;
    if (path.startsWith("/api/v1/proxies/")) return proxyId;
    if (path.startsWith("/api/v1/mtls/guards/")) return "00000000-0000-4000-8000-000000000000";
    return byName[name] ?? "shop";
  };
}
