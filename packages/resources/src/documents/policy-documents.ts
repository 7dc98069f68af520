import type { AuthorizationPolicy, MtlsMode, RateLimit } from "@heddle/mesh";
import type { Labels, Named, PolicyTarget } from "./document.ts";

/** `selector` undefined: the whole namespace (the mesh, in the root namespace); `mode` undefined: UNSET. */
export type PeerAuthenticationDocument = Named<"PeerAuthentication"> & {
  readonly selector: Labels | undefined;
  readonly mode: MtlsMode | undefined;
  /** By the workload's port; a port that says UNSET is left out. `undefined`: none. */
  readonly portModes?: Readonly<Record<string, MtlsMode>> | undefined;
  /** Annotated `heddle.dev/mtls-dry-run: STRICT`: what STRICT would refuse is counted, and served. */
  readonly isStrictDryRun?: boolean | undefined;
};

/** Who may do what with the workloads it selects. */
export type AuthorizationPolicyDocument = Named<"AuthorizationPolicy"> &
  Omit<AuthorizationPolicy, "namespace" | "name"> &
  PolicyTarget;

/** Which tokens are good. */
export type RequestAuthenticationDocument = Named<"RequestAuthentication"> &
  PolicyTarget & { readonly rules: readonly JwtRule[] };

/** JWTRule. */
export type JwtRule = {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** `undefined` of both: found by OpenID Connect discovery from the issuer. */
  readonly jwksUri: string | undefined;
  readonly jwks: string | undefined;
  /** Places to look for a token; none of the three: `Authorization: Bearer` and `access_token`. */
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly forwardsToken: boolean;
  readonly payloadHeader: string | undefined;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly timeoutMs: number;
  readonly spaceDelimitedClaims: readonly string[];
  /** `presence: REQUIRED`: a request without a token is refused too. */
  readonly isRequired: boolean;
};

/** Limits on the requests of the workloads it selects (heddle.dev/v1). */
export type RateLimitDocument = Named<"RateLimit"> & {
  readonly selector: Labels | undefined;
  /** Without `rule`: that is the document's name and revision. */
  readonly limits: readonly Omit<RateLimit, "rule">[];
};

/** Filters that the proxies of the workloads it selects run (heddle.dev/v1). */
export type ProxyFilterDocument = Named<"ProxyFilter"> & {
  readonly selector: Labels | undefined;
  readonly filters: readonly ProxyFilter[];
};

/** A filter by its name at the proxy; `budgetMs` bounds what one request may spend in it. */
export type ProxyFilter = {
  readonly name: string;
  readonly direction: "inbound" | "outbound";
  readonly settings: unknown;
  readonly onFailure: "skip" | "fail";
  readonly budgetMs: number;
  /** `undefined`: inline, in the proxy's own thread. */
  readonly isolation?: "inline" | "worker" | undefined;
};
