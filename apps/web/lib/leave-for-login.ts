import { returnPathOf } from "./return-path.ts";

/** The session has ended: on to the login page, which comes back to where we are. */
export function leaveForLogin(): void {
  const { pathname, search } = window.location;
  if (pathname === "/login") return;
  const next = returnPathOf(pathname + search);
  window.location.assign(`/login?next=${encodeURIComponent(next)}`);
}
