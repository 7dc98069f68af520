import type { WorkloadResource } from "@heddle/contracts/control-stream";
import type { MtlsMode, PortProtocol, WorkloadId } from "@heddle/mesh";
import type { WorkloadIdentity } from "./workload-identity.ts";
import type { WorkloadPolicy } from "./workload-policy.ts";

/** A port of an app on 127.0.0.1; `auto`: what it speaks is found out at each connection. */
export type AppPort = {
  readonly port: number;
  readonly protocol: PortProtocol;
  readonly name?: string | undefined;
};

/** What held before the modes were changed, while callers may not have heard of it yet. */
export type FormerModes = { readonly resource: WorkloadResource; readonly untilMs: number };

/** One workload whose traffic this proxy carries. */
export interface HostedWorkload {
  readonly id: WorkloadId;
  readonly service: string;
  /** `undefined`: unversioned, labelled `latest`. */
  readonly version: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Where the inbound listener binds; loopback unless HEDDLE_BIND_ADDRESS says otherwise. Outbound
   * listeners always bind loopback: to anyone else they would be an open proxy with our identity.
   */
  readonly bindAddress: string;
  /** Where peers reach it: its place in the mesh; `undefined`: where it binds. */
  readonly address?: string | undefined;
  /** The app's first port on 127.0.0.1; `undefined`: the workload only calls others. */
  readonly appPort: number | undefined;
  /** Where its app calls others; `undefined` or 0: nowhere. */
  readonly outboundPort?: number | undefined;
  readonly outbounds: readonly { readonly host: string; readonly localPort: number }[];
  /** `region/zone/subzone`; `undefined`: unknown. */
  readonly locality?: string | undefined;
  /** What the control plane says of it, live; another object whenever something has changed. */
  readonly resource?: WorkloadResource | undefined;
  /** What `resource` says about its callers, compiled, live as it; `undefined`: nothing. */
  readonly policy?: WorkloadPolicy | undefined;
  /** Live: read it for every connection and for every request on a plaintext one. */
  readonly mtlsMode: MtlsMode;
  /** `undefined`: the modes have not changed lately. */
  readonly formerModes?: FormerModes | undefined;
  readonly identity: WorkloadIdentity;
}
