const PLAIN_NAME = "heddle-session";
/** Over https the browser itself holds the cookie to this very host and path (RFC 6265bis §4.1.3.2). */
const HOST_NAME = "__Host-heddle-session";
const FLOW_NAME = "heddle-login-flow";
const FLOW_PATH = "/api/v1/login/oidc/callback";
const FLOW_SECONDS = 600;

/** The value for `Set-Cookie` that starts a session; it ends with the token. No script can read it. */
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
export function readSessionToken(
  cookieHeader: string | null,
  isHttps: boolean,
): string | undefined {
  return readCookie(cookieHeader, isHttps ? HOST_NAME : PLAIN_NAME);
}

/** What a login by a provider keeps in the browser meanwhile. Lax: it is the provider that sends the browser back. */
export function flowCookie(flow: string, isHttps: boolean): string {
  return `${FLOW_NAME}=${flow}; ${flowAttributes(FLOW_SECONDS, isHttps)}`;
}

export function endedFlowCookie(isHttps: boolean): string {
  return `${FLOW_NAME}=; ${flowAttributes(0, isHttps)}`;
}

export function readFlow(cookieHeader: string | null): string | undefined {
  return readCookie(cookieHeader, FLOW_NAME);
}

/** Whether the browser spoke HTTPS, to us or to what stands before us. */
export function isHttpsRequest(request: Request): boolean {
  const forwarded = request.headers.get("x-forwarded-proto")?.split(",", 1)[0]?.trim();
  return (forwarded ?? new URL(request.url).protocol.slice(0, -1)) === "https";
}

function cookie(value: string, maxAgeSeconds: number, isHttps: boolean): string {
  const secure = isHttps ? "; Secure" : "";
  const name = isHttps ? HOST_NAME : PLAIN_NAME;
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}

function flowAttributes(maxAgeSeconds: number, isHttps: boolean): string {
  const secure = isHttps ? "; Secure" : "";
  return `Path=${FLOW_PATH}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
}

function readCookie(cookieHeader: string | null, wanted: string): string | undefined {
  for (const pair of cookieHeader?.split(";") ?? []) {
    const [name, value = ""] = pair.trim().split("=", 2);
    if (name === wanted && /^[\w.~%-]+$/.test(value)) return decodeToken(value);
  }
  return undefined;
}

function decodeToken(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined; // a broken escape: not a cookie of ours
  }
}
