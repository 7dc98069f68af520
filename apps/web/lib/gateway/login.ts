import {
  LoginRequest,
  LoginResponse,
  LogoutRequest,
  PasswordLoginRequest,
  SetupRequest,
} from "@heddle/contracts";
import type { z } from "zod";
import { askAny } from "./ask-any.ts";
import { type GatewayConfig, gatewayConfig } from "./config.ts";
import { answerFailure, originHeaders, refuse } from "./forward.ts";
import { problemResponse } from "./problem-response.ts";
import {
  endedSessionCookie,
  isHttpsRequest,
  readSessionToken,
  sessionCookie,
} from "./session-cookie.ts";

const LONGEST_LOGIN_BYTES = 16_384;

/** Each way in: its path, and what it takes. */
const WAYS = {
  link: { path: "/api/v1/login", schema: LoginRequest, expected: '{"token": "…"}' },
  password: {
    path: "/api/v1/login/password",
    schema: PasswordLoginRequest,
    expected: '{"name": "…", "password": "…"}',
  },
  setup: {
    path: "/api/v1/setup",
    schema: SetupRequest,
    expected: '{"token": "…", "password": "…"} with 12 to 256 characters as password',
  },
} as const;

/** Trades what one knows for a session cookie. The page learns who it is, never the session's token. */
export async function login(
  request: Request,
  way: keyof typeof WAYS = "link",
  config: GatewayConfig = gatewayConfig(),
): Promise<Response> {
  const refusal = refuse(request);
  if (refusal !== undefined) return refusal;
  const { path, schema, expected } = WAYS[way];
  const body = await readBody(request, schema);
  if (body === undefined) {
    return problemResponse("HEDDLE_BAD_REQUEST", `expected ${expected}`);
  }
  try {
    const answer = await askControlPlane(request, path, body, config);
    if (!answer.ok) return passOn(answer);
    const { sessionToken, user, expiresAtMs } = LoginResponse.parse(await answer.json());
    return Response.json(
      { user, expiresAtMs },
      {
        headers: {
          "set-cookie": startedSession(request, sessionToken, expiresAtMs),
          "cache-control": "no-store",
        },
      },
    );
  } catch (error) {
    return answerFailure(error, request, upstreamOf(config));
  }
}

/** Ends the session, here and in the control plane. A form goes on to the login page, a script gets 204. */
export async function logout(
  request: Request,
  config: GatewayConfig = gatewayConfig(),
): Promise<Response> {
  const refusal = refuse(request);
  if (refusal !== undefined) return refusal;
  const isHttps = isHttpsRequest(request);
  const isForm = request.headers.get("accept")?.includes("text/html") === true;
  const session = readSessionToken(request.headers.get("cookie"), isHttps);
  const failure =
    session === undefined ? undefined : await endSession(request, session, isForm, config);
  // The cookie goes in any case: whoever wants to leave this browser has left it.
  const headers = new Headers({ "set-cookie": endedSessionCookie(isHttps) });
  if (isForm) headers.set("location", "/login");
  if (isForm || failure === undefined) {
    return new Response(null, { status: isForm ? 303 : 204, headers });
  }
  failure.headers.set("set-cookie", endedSessionCookie(isHttps));
  return failure;
}

/** `undefined`: it has ended, or had before. */
async function endSession(
  request: Request,
  session: string,
  isForm: boolean,
  config: GatewayConfig,
): Promise<Response | undefined> {
  const body = isForm ? {} : ((await readBody(request, LogoutRequest)) ?? {});
  try {
    const answer = await askControlPlane(request, "/api/v1/logout", body, config, session);
    return answer.ok || answer.status === 401 ? undefined : passOn(answer);
  } catch (error) {
    return answerFailure(error, request, upstreamOf(config));
  }
}

/** The cookie of a session that has just begun. */
export function startedSession(request: Request, token: string, expiresAtMs: number): string {
  return sessionCookie(token, expiresAtMs, Date.now(), isHttpsRequest(request));
}

/** Asks the control plane in the browser's name: it writes down where a login came from. */
export async function askControlPlane(
  request: Request,
  path: string,
  body: unknown,
  config: GatewayConfig,
  session?: string,
): Promise<Response> {
  const headers = originHeaders(request);
  headers.set("content-type", "application/json");
  headers.set("accept", "application/json");
  if (session !== undefined) headers.set("authorization", `Bearer ${session}`);
  const init: RequestInit = {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    signal: request.signal,
    cache: "no-store",
  };
  return askAny(config.controlPlaneUrls, (url) => fetch(new URL(path, url), init), false);
}

export function upstreamOf({ controlPlaneUrls }: GatewayConfig) {
  return { name: "control plane", urls: controlPlaneUrls } as const;
}

function passOn(answer: Response): Response {
  const headers = new Headers({
    "content-type": answer.headers.get("content-type") ?? "text/plain",
    "cache-control": "no-store",
  });
  const retryAfter = answer.headers.get("retry-after");
  if (retryAfter !== null) headers.set("retry-after", retryAfter);
  return new Response(answer.body, { status: answer.status, headers });
}

async function readBody<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
): Promise<z.infer<Schema> | undefined> {
  if (Number(request.headers.get("content-length") ?? Infinity) > LONGEST_LOGIN_BYTES)
    return undefined;
  try {
    return schema.safeParse(await request.json()).data;
  } catch {
    return undefined; // not JSON: the answer says what is expected
  }
}
