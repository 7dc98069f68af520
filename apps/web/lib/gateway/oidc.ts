import { LoginResponse, OidcStartResponse } from "@heddle/contracts";
import { z } from "zod";
import { returnPathOf } from "../return-path.ts";
import { type GatewayConfig, gatewayConfig } from "./config.ts";
import { askControlPlane, startedSession } from "./login.ts";
import { endedFlowCookie, flowCookie, isHttpsRequest, readFlow } from "./session-cookie.ts";

const Finished = LoginResponse.extend({ next: z.string() });

/** Sends the browser to the login provider; what it must bring back is sealed in a cookie. */
export async function startOidc(
  request: Request,
  config: GatewayConfig = gatewayConfig(),
): Promise<Response> {
  const next = returnPathOf(new URL(request.url).searchParams.get("next"));
  try {
    const answer = await askControlPlane(request, "/api/v1/login/oidc/start", { next }, config);
    if (!answer.ok) return backToLogin("unavailable");
    const { authorizationUrl, flow } = OidcStartResponse.parse(await answer.json());
    const headers = {
      location: authorizationUrl,
      "set-cookie": flowCookie(flow, isHttpsRequest(request)),
      "cache-control": "no-store",
    };
    return new Response(null, { status: 303, headers });
  } catch {
    return backToLogin("unavailable"); // the login page says so and offers it again
  }
}

/**
 * Takes the browser back from the provider. The way on is a page of ours that leads on by itself: the session's
 * cookie is SameSite=Strict, and in a redirect that the provider began the browser would not send it.
 */
export async function finishOidc(
  request: Request,
  config: GatewayConfig = gatewayConfig(),
): Promise<Response> {
  const flow = readFlow(request.headers.get("cookie"));
  if (flow === undefined) return backToLogin("expired");
  const query = new URL(request.url).search;
  try {
    const body = { flow, query };
    const answer = await askControlPlane(request, "/api/v1/login/oidc/finish", body, config);
    if (!answer.ok) return backToLogin(answer.status === 401 ? "refused" : "unavailable");
    const { sessionToken, expiresAtMs, next } = Finished.parse(await answer.json());
    const headers = new Headers({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    });
    headers.append("set-cookie", startedSession(request, sessionToken, expiresAtMs));
    headers.append("set-cookie", endedFlowCookie(isHttpsRequest(request)));
    return new Response(pageThatLeadsTo(returnPathOf(next)), { status: 200, headers });
  } catch {
    return backToLogin("unavailable");
  }
}

function backToLogin(why: "expired" | "refused" | "unavailable"): Response {
  return new Response(null, {
    status: 303,
    headers: { location: `/login?provider=${why}`, "cache-control": "no-store" },
  });
}

function pageThatLeadsTo(path: string): string {
  const safe = path.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${safe}"><title>Heddle</title><a href="${safe}">Go on</a>\n`;
}
