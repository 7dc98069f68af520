import { type NextRequest, NextResponse } from "next/server";
import { isHttpsRequest, readSessionToken } from "../../lib/gateway/session-cookie.ts";
import { returnPathOf } from "../../lib/return-path.ts";

/** Where one is not logged in yet. */
const PUBLIC_PAGES = new Set(["/login", "/setup"]);

/** A page asked for without a session: on to the login page, which comes back. `undefined` lets it through. */
export function loginRedirect(request: NextRequest): NextResponse | undefined {
  const { pathname, search } = request.nextUrl;
  const session = readSessionToken(request.headers.get("cookie"), isHttpsRequest(request));
  if (PUBLIC_PAGES.has(pathname) || session !== undefined) return undefined;
  const target = request.nextUrl.clone();
  target.pathname = "/login";
  target.search = "";
  const next = returnPathOf(pathname + search);
  if (next !== "/") target.searchParams.set("next", next);
  return NextResponse.redirect(target);
}
