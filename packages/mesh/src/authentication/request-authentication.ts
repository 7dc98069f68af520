/** One RequestAuthentication as it holds for a workload. Semantics: Istio, security.istio.io/v1. */
export type RequestAuthentication = {
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly JwtRule[];
};

export type JwtRule = {
  readonly issuer: string;
  /** None: any. */
  readonly audiences: readonly string[];
  /** A JSON Web Key Set (RFC 7517); `undefined`: it could not be had yet, and tokens of this issuer are refused. */
  readonly jwks?: string | undefined;
  /** Where tokens stand; with all three empty `Authorization: Bearer`, then the parameter `access_token`. */
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  /** Otherwise the token ends at this proxy. */
  readonly forwardsToken: boolean;
  /** The payload, as base64url without padding. */
  readonly payloadHeader?: string | undefined;
  /** `claim` may be nested: `a.b`. */
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
  /** Besides `scope` and `permission`. */
  readonly spaceDelimitedClaims: readonly string[];
  /** A request without a token is refused too. */
  readonly isRequired: boolean;
};
