import { askAny } from "./ask-any.ts";
import { CLIENT_ADDRESS_HEADER } from "./client-address.ts";
import { type GatewayConfig, gatewayConfig } from "./config.ts";
import { BodyTooLargeError, limitBody } from "./limited-body.ts";
import { problemResponse } from "./problem-response.ts";
import { isFromOwnPages, isSafeMethod } from "./same-site.ts";
import { isHttpsRequest, readSessionToken } from "./session-cookie.ts";
import { findUpstream, type Upstream } from "./upstream.ts";

/** Twice the largest YAML an apply may hold: JSON escapes can double it. */
const BODY_LIMIT_BYTES = 2 * 1_048_576 + 65_536;
/**
 * A server that takes a question and does not begin to answer it hangs, as one that is stopped does. A browser has six
 * connections to wait with, so the page would hang, too. Changes may take their time: what became of them is not known.
 */
const BEGIN_ANSWER_MS = 10_000;
const REQUEST_HEADERS = [
  "accept",
  "content-type",
  "last-event-id",
  "traceparent",
  "x-request-id",
  "user-agent",
  CLIENT_ADDRESS_HEADER,
];
const RESPONSE_HEADERS = ["content-type", "cache-control", "retry-after", "x-request-id", "allow"];

/**
 * Passes one API request on to the server that answers it and streams the answer back. The session cookie becomes
 * a bearer token; a caller that brings its own bearer token keeps it.
 */
export async function forward(
  request: Request,
  config: GatewayConfig = gatewayConfig(),
  beginAnswerMs = BEGIN_ANSWER_MS,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const upstream = findUpstream(pathname, config);
  if (upstream === undefined) {
    return problemResponse("HEDDLE_NOT_FOUND", `The API has no ${pathname}.`);
  }
  const refusal = refuse(request);
  if (refusal !== undefined) return refusal;
  try {
    return answer(await send(upstream, { pathname, search }, request, beginAnswerMs));
  } catch (error) {
    return answerFailure(error, request, upstream);
  }
}

/** The refusal of a request that must not be passed on; `undefined` lets it through. */
export function refuse(request: Request): Response | undefined {
  const declaredBytes = Number(request.headers.get("content-length") ?? 0);
  if (declaredBytes > BODY_LIMIT_BYTES) return tooLarge();
  if (isSafeMethod(request.method) || request.headers.has("authorization")) return undefined;
  if (isFromOwnPages(request.headers)) return undefined;
  return problemResponse(
    "HEDDLE_CROSS_SITE_REQUEST",
    "This change was sent from another site's page; the console takes changes only from its own pages, or with a bearer token.",
  );
}

async function send(
  { urls }: Upstream,
  where: Pick<URL, "pathname" | "search">,
  request: Request,
  beginAnswerMs: number,
): Promise<Response> {
  const isSafe = isSafeMethod(request.method);
  const init: RequestInit & { duplex?: "half" } = {
    method: request.method,
    headers: requestHeaders(request),
    signal: request.signal, // the browser left: let go upstream too
    redirect: "manual",
    cache: "no-store",
  };
  if (request.body !== null && !isSafe) {
    const body = limitBody(request.body, BODY_LIMIT_BYTES);
    // Streamed where there is but one to ask; kept to be sent once more where there are others.
    init.body = urls.length === 1 ? body : await new Response(body).arrayBuffer();
    init.duplex = "half";
  }
  return askAny(
    urls,
    (url) => {
      const target = targetOf(url, where);
      return isSafe
        ? fetchWithin(beginAnswerMs, target, init, request.signal)
        : fetch(target, init);
    },
    isSafe,
  );
}

/** The head of the answer within that time; the body, as of a stream of events, may go on for ever. */
async function fetchWithin(
  withinMs: number,
  url: URL,
  init: RequestInit,
  signal: AbortSignal,
): Promise<Response> {
  const late = new AbortController();
  const why = new Error(`${url.host} has not begun to answer within ${withinMs} ms`);
  const timer = setTimeout(() => late.abort(why), withinMs);
  try {
    return await fetch(url, { ...init, signal: AbortSignal.any([signal, late.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

/** The path is the caller's, the server never. */
function targetOf(url: URL, { pathname, search }: Pick<URL, "pathname" | "search">): URL {
  const target = new URL(url);
  target.pathname = pathname;
  target.search = search;
  return target;
}

/** What the control plane writes down of who came: the address and the browser. */
export function originHeaders(request: Request): Headers {
  return pick(request.headers, ["user-agent", CLIENT_ADDRESS_HEADER]);
}

function requestHeaders(request: Request): Headers {
  const headers = pick(request.headers, REQUEST_HEADERS);
  const session = readSessionToken(request.headers.get("cookie"), isHttpsRequest(request));
  const authorization =
    request.headers.get("authorization") ?? (session === undefined ? null : `Bearer ${session}`);
  if (authorization !== null) headers.set("authorization", authorization);
  return headers;
}

function answer(response: Response): Response {
  const headers = pick(response.headers, RESPONSE_HEADERS);
  if (headers.get("content-type")?.startsWith("text/event-stream")) {
    headers.set("cache-control", "no-cache, no-transform"); // compression would hold events back
    headers.set("x-accel-buffering", "no");
  } else if (!headers.has("cache-control")) {
    headers.set("cache-control", "no-store");
  }
  return new Response(response.body, { status: response.status, headers });
}

/** Says in a sentence why no answer came, for whoever still listens. */
export function answerFailure(error: unknown, request: Request, upstream: Upstream): Response {
  if (isCausedBy(error, BodyTooLargeError)) return tooLarge();
  if (request.signal.aborted) return new Response(null, { status: 499 }); // nobody reads it
  return problemResponse(
    "HEDDLE_UPSTREAM_UNAVAILABLE",
    upstream.name === "control plane"
      ? `The control plane does not answer at ${hostsOf(upstream)}. Traffic flows on; changes wait.`
      : `The collector does not answer at ${hostsOf(upstream)}. Traffic flows on; its figures are missing here.`,
  );
}

function hostsOf({ urls }: Upstream): string {
  return urls.map(({ host }) => host).join(" or ");
}

function tooLarge(): Response {
  return problemResponse(
    "HEDDLE_BODY_TOO_LARGE",
    `The body is larger than ${BODY_LIMIT_BYTES} bytes, the most the console takes in one request.`,
  );
}

function isCausedBy(error: unknown, kind: typeof BodyTooLargeError): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (at instanceof kind) return true;
  }
  return false;
}

function pick(headers: Headers, names: readonly string[]): Headers {
  const picked = new Headers();
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) picked.set(name, value);
  }
  return picked;
}
