import { hostname } from "node:os";
import {
  ApiTokenCreateResponse,
  EndedResponse,
  MeResponse,
  Problem,
  SessionsResponse,
} from "@heddle/contracts";
import { ApiError } from "../errors.ts";
import { ApiClient } from "./api-client.ts";

const TIMEOUT_MS = 30_000;
const COOKIE = /^(?:__Host-)?heddle-session=([^;]+)/;

/** Trades name and password for an API token of the same reach: the session itself would end when it idles. */
export async function logInByPassword(
  origin: string,
  name: string,
  password: string,
): Promise<{ readonly token: string; readonly tokenId: string; readonly user: string }> {
  const session = await openSession(origin, name, password);
  const api = new ApiClient({ apiUrl: origin, token: session });
  try {
    const me = await api.ask(MeResponse, "/me");
    const body = { name: `heddle on ${hostname()}`.slice(0, 100), grants: me.grants ?? [] };
    const made = await api.ask(ApiTokenCreateResponse, "/api-tokens", { method: "POST", body });
    return { token: made.secret, tokenId: made.token.id, user: me.name };
  } finally {
    await endSession(api).catch(() => undefined); // one that does not end now ends by idling
  }
}

/** The console's own logout knows sessions by their cookie, which is not ours. */
async function endSession(api: ApiClient): Promise<void> {
  const { sessions } = await api.ask(SessionsResponse, "/sessions");
  const own = sessions.find(({ isCurrent }) => isCurrent);
  if (own) await api.ask(EndedResponse, `/sessions/${own.id}`, { method: "DELETE" });
}

/** Throws `ApiError` unless the token is good there; returns whose it is. */
export async function ownerOf(origin: string, token: string): Promise<string> {
  return (await new ApiClient({ apiUrl: origin, token }).ask(MeResponse, "/me")).name;
}

/** The console puts the session into a cookie. */
async function openSession(origin: string, name: string, password: string): Promise<string> {
  let answer: Response;
  try {
    answer = await fetch(new URL("/api/v1/login/password", origin), {
      method: "POST",
      headers: { "content-type": "application/json", origin, "user-agent": "heddle-cli" },
      body: JSON.stringify({ name, password }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    throw new ApiError(0, `${origin}: nobody answers there`, { cause });
  }
  const text = await answer.text();
  if (!answer.ok) {
    const problem = Problem.safeParse(parseJson(text));
    throw new ApiError(
      answer.status,
      problem.data?.detail ?? `${origin} answered ${answer.status}`,
    );
  }
  for (const cookie of answer.headers.getSetCookie()) {
    const session = COOKIE.exec(cookie)?.[1];
    if (session !== undefined) return session;
  }
  throw new ApiError(answer.status, `${origin} is no console of Heddle: it sets no session`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a page of something that is not ours
  }
}
