import { LoginRequest, LoginResponse } from "@heddle/contracts";
import { type GatewayConfig, gatewayConfig } from "./config.ts";
import { answerFailure, refuse } from "./forward.ts";
import { problemResponse } from "./problem-response.ts";
import { endedSessionCookie, isHttpsRequest, sessionCookie } from "./session-cookie.ts";

const LONGEST_LOGIN_BYTES = 16_384;

/** Trades a one-time token for a session cookie. The page learns who it is, never the session's token. */
export async function login(
  request: Request,
  config: GatewayConfig = gatewayConfig(),
): Promise<Response> {
  const refusal = refuse(request);
  if (refusal !== undefined) return refusal;
  const body = await readLoginRequest(request);
  if (body === undefined) {
    return problemResponse(
      400,
      "HEDDLE_BAD_INPUT",
      "Bad input",
      'token is missing; expected {"token": "…"} with the token of a login link.',
    );
  }
  const upstream = { name: "control plane", url: config.controlPlaneUrl } as const;
  try {
    const answer = await fetch(new URL("/api/v1/login", upstream.url), {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
      signal: request.signal,
      cache: "no-store",
    });
    return answer.ok ? await startSession(request, answer) : passOn(answer);
  } catch (error) {
    return answerFailure(error, request, upstream);
  }
}

/**
 * Ends the session in this browser. The token itself stays valid until its end; nothing else holds it. A form goes on to
 * the login page, a script gets 204.
 */
export function logout(request: Request): Response {
  const refusal = refuse(request);
  if (refusal !== undefined) return refusal;
  const headers = new Headers({ "set-cookie": endedSessionCookie(isHttpsRequest(request)) });
  const isForm = request.headers.get("accept")?.includes("text/html") === true;
  if (isForm) headers.set("location", "/login");
  return new Response(null, { status: isForm ? 303 : 204, headers });
}

async function startSession(request: Request, answer: Response): Promise<Response> {
  const { sessionToken, user, expiresAtMs } = LoginResponse.parse(await answer.json());
  const cookie = sessionCookie(sessionToken, expiresAtMs, Date.now(), isHttpsRequest(request));
  return Response.json(
    { user, expiresAtMs },
    { headers: { "set-cookie": cookie, "cache-control": "no-store" } },
  );
}

function passOn(answer: Response): Response {
  const headers = {
    "content-type": answer.headers.get("content-type") ?? "text/plain",
    "cache-control": "no-store",
  };
  return new Response(answer.body, { status: answer.status, headers });
}

async function readLoginRequest(request: Request): Promise<LoginBody | undefined> {
  if (Number(request.headers.get("content-length") ?? Infinity) > LONGEST_LOGIN_BYTES)
    return undefined;
  try {
    return LoginRequest.safeParse(await request.json()).data;
  } catch {
    return undefined; // not JSON: the answer says what is expected
  }
}

type LoginBody = ReturnType<typeof LoginRequest.parse>;
