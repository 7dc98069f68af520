// jose is loaded at its first use: a proxy shares this package, and its memory counts.
const loadJose = () => import("jose");

/**
 * Bearer tokens of people and scripts: HS256 JWTs signed with the mesh's auth secret, which `heddle up`
 * makes once and only control plane and collector hold. Proxies never use these.
 */
export type Principal = {
  readonly name: string;
  readonly role: "viewer" | "operator" | "admin";
  readonly expiresAtMs: number;
};

type TokenKind = "session" | "api" | "login";

const ISSUER = "heddle";

/** `tokenId` lets a login token be taken once only. */
export async function signToken(
  secret: string,
  kind: TokenKind,
  subject: { readonly name: string; readonly role: Principal["role"]; readonly tokenId?: string },
  ttlSeconds: number,
  nowMs: number,
): Promise<string> {
  const { SignJWT } = await loadJose();
  const issuedAt = Math.floor(nowMs / 1000);
  const token = new SignJWT({ role: subject.role, kind })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(ISSUER)
    .setSubject(subject.name)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ttlSeconds);
  if (subject.tokenId !== undefined) token.setJti(subject.tokenId);
  return token.sign(Buffer.from(secret));
}

/** `undefined`: not ours, altered, expired, or of another kind. */
export async function verifyToken(
  secret: string,
  kinds: readonly TokenKind[],
  token: string,
): Promise<(Principal & { readonly tokenId: string | undefined }) | undefined> {
  const { jwtVerify } = await loadJose(); // outside: a library that is missing is no bad token
  try {
    const { payload } = await jwtVerify(token, Buffer.from(secret), {
      issuer: ISSUER,
      algorithms: ["HS256"],
    });
    const { kind, role, sub, exp, jti } = payload;
    if (!kinds.some((allowed) => allowed === kind)) return undefined;
    if (role !== "viewer" && role !== "operator" && role !== "admin") return undefined;
    if (sub === undefined || exp === undefined) return undefined;
    return { name: sub, role, expiresAtMs: exp * 1000, tokenId: jti };
  } catch {
    return undefined; // jose throws for each way a token can be bad; to the caller they are one
  }
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerToken(header: string | undefined): string | undefined {
  const match = /^Bearer ([\w.~+/=-]+)$/i.exec(header ?? "");
  return match?.[1];
}
