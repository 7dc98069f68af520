import type { JwtRule } from "@heddle/resources";

/** Where the keys of an issuer are published. */
export type KeySource = {
  /** `issuer`: by OpenID Connect Discovery, `<url>/.well-known/openid-configuration`. */
  readonly kind: "jwks" | "issuer";
  readonly url: string;
  readonly timeoutMs: number;
};

/** The last key set that was fetched from there; `undefined`: none could be had yet. */
export type KeyLookup = (source: KeySource) => string | undefined;

/** Sources of equal keys are fetched once. */
export function keyOfSource({ kind, url }: KeySource): string {
  return `${kind} ${url}`;
}

/** `undefined`: the document brings the keys itself. */
export function keySourceOf({
  jwks,
  jwksUri,
  issuer,
  timeoutMs,
}: Pick<JwtRule, "jwks" | "jwksUri" | "issuer" | "timeoutMs">): KeySource | undefined {
  if (jwks !== undefined) return undefined;
  return jwksUri === undefined
    ? { kind: "issuer", url: issuer, timeoutMs }
    : { kind: "jwks", url: jwksUri, timeoutMs };
}
