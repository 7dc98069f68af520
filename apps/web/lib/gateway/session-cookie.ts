/** Holds the session token where no script can read it. */
export const SESSION_COOKIE = "heddle-session";

/** The value for `Set-Cookie` that starts a session; it ends with the token. */
export function sessionCookie(
  token: string,
  expiresAtMs: number,
  nowMs: number,
  isHttps: boolean,
): string {
  const maxAgeSeconds = Math.max(0, Math.floor((expiresAtMs - nowMs) / 1000));
  return cookie(encodeURIComponent(token), maxAgeSeconds, isHttps);
}

/** The value for `Set-Cookie` that ends the session in this browser. */
export function endedSessionCookie(isHttps: boolean): string {
  return cookie("", 0, isHttps);
}

/** `undefined`: no session came with the request. */
export function readSessionToken(cookieHeader: string | null): string | undefined {
  for (const pair of cookieHeader?.split(";") ?? []) {
    const [name, value = ""] = pair.trim().split("=", 2);
    if (name === SESSION_COOKIE && /^[\w.~%-]+$/.test(value)) return decodeToken(value);
  }
  return undefined;
}

/** Whether the browser spoke HTTPS, to us or to what stands before us. */
export function isHttpsRequest(request: Request): boolean {
  const forwarded = request.headers.get("x-forwarded-proto")?.split(",", 1)[0]?.trim();
  return (forwarded ?? new URL(request.url).protocol.slice(0, -1)) === "https";
}

function cookie(value: string, maxAgeSeconds: number, isHttps: boolean): string {
  const secure = isHttps ? "; Secure" : "";
  return `${SESSION_COOKIE}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}

function decodeToken(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined; // a broken escape: not a cookie of ours
  }
}
