import { type NextRequest, NextResponse } from "next/server";
import { readSessionToken } from "../../lib/gateway/session-cookie.ts";
import { returnPathOf } from "../../lib/return-path.ts";

/** A page asked for without a session: on to the login page, which comes back. `undefined` lets it through. */
export function loginRedirect(request: NextRequest): NextResponse | undefined {
  const { pathname, search } = request.nextUrl;
  if (pathname === "/login" || readSessionToken(request.headers.get("cookie")) !== undefined) {
    return undefined;
  }
  const target = request.nextUrl.clone();
  target.pathname = "/login";
  target.search = "";
  const next = returnPathOf(pathname + search);
  if (next !== "/") target.searchParams.set("next", next);
  return NextResponse.redirect(target);
}
