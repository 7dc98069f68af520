/** One AuthorizationPolicy as it holds for a workload. Semantics: Istio, security.istio.io/v1. */
export type AuthorizationPolicy = {
  readonly namespace: string;
  readonly name: string;
  readonly action: "ALLOW" | "DENY" | "AUDIT";
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
