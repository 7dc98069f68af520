import { returnPathOf } from "./return-path.ts";

/** The session has ended: on to the login page, which comes back to where we are. */
export function leaveForLogin(): void {
  if (typeof window === "undefined") return; // rendered on the server: proxy.ts has already looked
  const { pathname, search } = window.location;
  if (pathname === "/login" || pathname === "/setup") return;
  const next = returnPathOf(pathname + search);
  window.location.assign(`/login?ended=1&next=${encodeURIComponent(next)}`);
}
