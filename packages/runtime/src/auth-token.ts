import { allows, type Grant, type Role, roleOn, WHOLE_MESH } from "@heddle/mesh";

// jose is loaded at its first use: a proxy shares this package, and its memory counts.
const loadJose = () => import("jose");

/** Who asks, and what they may do. Proxies never are one: they have certificates. */
export type Principal = {
  readonly name: string;
  readonly grants: readonly Grant[];
  /** The role on the whole mesh; `viewer` without such. */
  readonly role: Role;
  readonly expiresAtMs: number;
  /** `signed`: by a token signed with the auth secret, as the local CLI's. */
  readonly via: "session" | "token" | "signed";
  /** Of the session or token; `undefined` for signed ones. */
  readonly credentialId: string | undefined;
  /** Of whom the grants are; `undefined`: of no user. */
  readonly owner: string | undefined;
};

/** `session` is what a cookie held before sessions were kept; it opens nothing any more. */
type TokenKind = "session" | "api" | "login";

const ISSUER = "heddle";

/**
 * An HS256 JWT signed with the mesh's auth secret, which `heddle up` makes once and only control plane and
 * collector hold. `tokenId` lets a login token be taken once only; `grants` absent: the role on the whole mesh.
 */
export async function signToken(
  secret: string,
  kind: TokenKind,
  subject: {
    readonly name: string;
    readonly role: Role;
    readonly tokenId?: string;
    readonly grants?: readonly Grant[];
  },
  ttlSeconds: number,
  nowMs: number,
): Promise<string> {
  const { SignJWT } = await loadJose();
  const issuedAt = Math.floor(nowMs / 1000);
  const { role, grants } = subject;
  const token = new SignJWT({ role, kind, ...(grants === undefined ? {} : { grants }) })
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
    if (sub === undefined || exp === undefined || !isRole(role)) return undefined;
    const grants = payload["grants"] ?? [{ namespace: WHOLE_MESH, role }];
    if (!isGrants(grants)) return undefined;
    return {
      name: sub,
      grants,
      role: meshRole(grants),
      expiresAtMs: exp * 1000,
      via: "signed",
      credentialId: undefined,
      owner: undefined,
      tokenId: jti,
    };
  } catch {
    return undefined; // jose throws for each way a token can be bad; to the caller they are one
  }
}

/** The role on the whole mesh; `viewer` without such. */
export function meshRole(grants: readonly Grant[]): Role {
  return roleOn(grants, WHOLE_MESH) ?? "viewer";
}

/** Whether the bearer has at least that role on the namespace; `*`: on the whole mesh. */
export function may(principal: Principal, needed: Role, namespace: string): boolean {
  return allows(principal.grants, needed, namespace);
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerToken(header: string | undefined): string | undefined {
  const match = /^Bearer ([\w.~+/=-]+)$/i.exec(header ?? "");
  return match?.[1];
}

function isRole(value: unknown): value is Role {
  return value === "viewer" || value === "operator" || value === "admin";
}

function isGrants(value: unknown): value is Grant[] {
  if (!Array.isArray(value)) return false;
  return value.every(
    (one: { namespace?: unknown; role?: unknown }) =>
      typeof one.namespace === "string" && isRole(one.role),
  );
}
