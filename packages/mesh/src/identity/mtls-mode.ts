/** What a workload demands of its callers, as in Istio's PeerAuthentication. */
export type MtlsMode = "DISABLE" | "PERMISSIVE" | "STRICT";

/** PeerAuthentication as the mesh sees it; `selector` absent: the whole namespace, or the mesh in the root namespace. */
export type PeerAuthentication = {
  readonly namespace: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly selector: Readonly<Record<string, string>> | undefined;
  /** `undefined` stands for UNSET: inherited from the level above. */
  readonly mode: MtlsMode | undefined;
};

/** The mode that holds for a workload and the policy it comes from; `policy` absent: Istio's default. */
export type EffectiveMtls = {
  readonly mode: MtlsMode;
  readonly policy: { readonly namespace: string; readonly name: string } | undefined;
};
