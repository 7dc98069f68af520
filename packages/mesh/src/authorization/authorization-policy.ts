/** One AuthorizationPolicy as it holds for a workload. Semantics: Istio, security.istio.io/v1. */
export type AuthorizationPolicy = {
  readonly namespace: string;
  readonly name: string;
  readonly action: "ALLOW" | "DENY" | "AUDIT" | "CUSTOM";
  /** With CUSTOM: the `ExternalAuthorizer` to ask. */
  readonly provider?: string | undefined;
  /** `istio.io/dry-run`: counted, not enforced. */
  readonly isShadow: boolean;
  /** None: matches nothing. */
  readonly rules: readonly AuthorizationRule[];
};

/** AND over the parts; an empty part always holds. Within `from` and `to` the entries are ORed. */
export type AuthorizationRule = {
  readonly from: readonly SourceMatch[];
  readonly to: readonly OperationMatch[];
  readonly when: readonly ConditionMatch[];
};

/** Fields are ANDed, values ORed; `not…` is NOT(OR). Lists left out hold. */
export type SourceMatch = {
  readonly principals?: readonly string[] | undefined;
  readonly notPrincipals?: readonly string[] | undefined;
  readonly requestPrincipals?: readonly string[] | undefined;
  readonly notRequestPrincipals?: readonly string[] | undefined;
  readonly namespaces?: readonly string[] | undefined;
  readonly notNamespaces?: readonly string[] | undefined;
  readonly serviceAccounts?: readonly string[] | undefined;
  readonly notServiceAccounts?: readonly string[] | undefined;
  readonly trustDomains?: readonly string[] | undefined;
  readonly notTrustDomains?: readonly string[] | undefined;
  readonly ipBlocks?: readonly string[] | undefined;
  readonly notIpBlocks?: readonly string[] | undefined;
  readonly remoteIpBlocks?: readonly string[] | undefined;
  readonly notRemoteIpBlocks?: readonly string[] | undefined;
};
export type OperationMatch = {
  readonly hosts?: readonly string[] | undefined;
  readonly notHosts?: readonly string[] | undefined;
  readonly ports?: readonly string[] | undefined;
  readonly notPorts?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly notMethods?: readonly string[] | undefined;
  readonly paths?: readonly string[] | undefined;
  readonly notPaths?: readonly string[] | undefined;
};
/** `key` as in Istio: `request.headers[x]`, `source.ip`, `source.principal`, `destination.port` … */
export type ConditionMatch = {
  readonly key: string;
  readonly values?: readonly string[] | undefined;
  readonly notValues?: readonly string[] | undefined;
};

/** Somebody else who decides, over HTTP. Semantics: MeshConfig's `extensionProviders[].envoyExtAuthzHttp`. */
export type ExternalAuthorizer = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Before the request's own path. */
  readonly pathPrefix: string;
  readonly timeoutMs: number;
  /** A request nobody could decide on passes. */
  readonly failsOpen: boolean;
  /** Answered when nobody could decide and it does not pass. */
  readonly statusOnError: number;
  /** Of the request, sent along; lower-case, `*` at one end. Method, path, host and authorization always go. */
  readonly requestHeaders: readonly string[];
  readonly addedHeaders: Readonly<Record<string, string>>;
  /** Of an answer that allows: they replace the request's. */
  readonly headersToUpstream: readonly string[];
  readonly headersToDownstreamOnAllow: readonly string[];
  /** None: all of them. */
  readonly headersToDownstreamOnDeny: readonly string[];
  readonly body?: { readonly maxBytes: number; readonly allowsPartial: boolean } | undefined;
};
