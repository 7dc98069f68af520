/**
 * Whether a changing request with a cookie comes from this console's own pages. Browsers say so in
 * `Sec-Fetch-Site` (Fetch Metadata) and, for anything but a plain GET, in `Origin` (RFC 6454); a request that says
 * neither is no browser's page and is refused, since only a browser sends our cookie.
 */
export function isFromOwnPages(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return false;
  const origin = headers.get("origin");
  // A form of a page without referrer says `Origin: null`; only the browser can say `same-origin`.
  if (origin === null || origin === "null") return site === "same-origin";
  return URL.canParse(origin) && new URL(origin).host === headers.get("host");
}

/** Methods that change nothing (RFC 9110 §9.2.1). */
export function isSafeMethod(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}
