import { type NextRequest, NextResponse } from "next/server";
import { loginRedirect } from "./features/session/login-redirect.ts";
import { contentSecurityPolicy } from "./features/shell/content-security-policy.ts";

/** Every page gets its own nonce: only scripts this server wrote run, and nobody may frame the console. */
export function proxy(request: NextRequest): NextResponse {
  const toLogin = loginRedirect(request);
  if (toLogin !== undefined) return toLogin;
  const nonce = Buffer.from(crypto.randomUUID()).toString("base64");
  const policy = contentSecurityPolicy(nonce, process.env.NODE_ENV === "development");
  const headers = new Headers(request.headers);
  headers.set("x-nonce", nonce);
  headers.set("content-security-policy", policy); // Next reads the nonce for its own scripts from here
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", policy);
  return response;
}

export const config = {
  matcher: [{ source: "/((?!api/|_next/static|_next/image|icon.svg).*)" }],
};
