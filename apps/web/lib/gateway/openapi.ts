import { createHash } from "node:crypto";
import type { OpenApiDocument } from "@heddle/contracts";
import { askAny } from "./ask-any.ts";
import { type GatewayConfig, gatewayConfig } from "./config.ts";
import { answerFailure } from "./forward.ts";
import { findUpstream, type Upstream } from "./upstream.ts";

type Operations = OpenApiDocument["paths"][string];

/** Ways in that the console answers itself: the session goes into a cookie, not into the answer. */
const OWN_LOGINS = new Set(["/api/v1/login", "/api/v1/login/password", "/api/v1/setup"]);
const LOGOUT = "/api/v1/logout";

/** `GET /api/openapi.json`: one document of everything this origin answers under `/api/v1`. */
export async function serveOpenApi(
  request: Request,
  config: GatewayConfig = gatewayConfig(),
): Promise<Response> {
  const servers: readonly Upstream[] = [
    { name: "control plane", urls: config.controlPlaneUrls },
    { name: "collector", urls: [config.collectorUrl] },
  ];
  const documents: OpenApiDocument[] = [];
  for (const server of servers) {
    try {
      documents.push(await fetchDocument(server, request));
    } catch (error) {
      return answerFailure(error, request, server);
    }
  }
  const text = JSON.stringify(mergeDocuments(documents, config));
  const etag = `"${createHash("sha256").update(text).digest("base64url")}"`;
  const headers = { etag, "cache-control": "no-cache" };
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(text, { headers: { ...headers, "content-type": "application/json" } });
}

async function fetchDocument(server: Upstream, request: Request): Promise<OpenApiDocument> {
  const init: RequestInit = { signal: request.signal, cache: "no-store" };
  const ask = (url: URL) => fetch(new URL("/api/openapi.json", url), init);
  const answer = await askAny(server.urls, ask, true);
  if (!answer.ok) throw new Error(`the ${server.name} answered ${answer.status}`);
  return (await answer.json()) as OpenApiDocument; // of our own server, and handed on as it is
}

/** What the console forwards of each, in one document; a shape of both is written once. */
export function mergeDocuments(
  documents: readonly OpenApiDocument[],
  config: GatewayConfig,
): OpenApiDocument {
  const [first] = documents;
  if (!first) throw new Error("there is no document to merge");
  const paths = documents.flatMap(({ paths: own }) =>
    Object.entries(own).flatMap(([path, operations]) => {
      if (OWN_LOGINS.has(path) || path === LOGOUT)
        return [[path, ownWay(path, operations)] as const];
      if (path === "/api/openapi.json" || findUpstream(path, config))
        return [[path, operations] as const];
      return [];
    }),
  );
  const tags = paths.flatMap(([, operations]) =>
    Object.values(operations).flatMap(({ tags: names }) => names as string[]),
  );
  return {
    ...first,
    info: { ...first.info, title: "Heddle" },
    tags: [...new Set(tags)].sort().map((name) => ({ name })),
    paths: Object.fromEntries(paths.sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      ...first.components,
      schemas: Object.assign({}, ...documents.map(({ components }) => components.schemas)),
    },
  };
}

function ownWay(path: string, operations: Operations): Operations {
  return Object.fromEntries(
    Object.entries(operations).map(([method, operation]) => {
      const responses = { ...(operation["responses"] as Record<string, unknown>) };
      delete responses["200"];
      const isLogout = path === LOGOUT;
      return [
        method,
        {
          ...operation,
          responses: isLogout
            ? { ...responses, "204": { description: "The session has ended; the cookie is gone." } }
            : { ...responses, "200": COOKIE_ANSWER },
        },
      ];
    }),
  );
}

const COOKIE_ANSWER = {
  description: "Logged in: the session is in the cookie `heddle-session`.",
  headers: { "Set-Cookie": { schema: { type: "string" } } },
  content: {
    "application/json": {
      schema: {
        type: "object",
        properties: {
          user: {
            type: "object",
            properties: {
              name: { type: "string" },
              role: { type: "string", enum: ["viewer", "operator", "admin"] },
            },
            required: ["name", "role"],
          },
          expiresAtMs: { type: "number" },
        },
        required: ["user", "expiresAtMs"],
      },
    },
  },
} as const;
