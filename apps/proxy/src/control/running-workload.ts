import { hostname } from "node:os";
import type { WorkloadRegistration, WorkloadResource } from "@heddle/contracts";
import { formatId, type MtlsMode, type WorkloadId } from "@heddle/mesh";
import type { WorkloadSettings } from "../config-file.ts";
import type { AppPort, HostedWorkload } from "../core/hosted-workload.ts";
import type { OutboundTrafficPolicy, PathNormalization } from "../core/mesh-view.ts";
import { compileWorkloadPolicy, type WorkloadPolicy } from "../core/workload-policy.ts";
import { HeldIdentity } from "../identity/held-identity.ts";

/** A port of the app with the inbound port before it, once that is known. */
export type RunningPort = AppPort & {
  /** From the configuration; 0: find one. */
  readonly configured: number;
  inboundPort: number;
};

/** A hosted workload with what changes while it runs. */
export class RunningWorkload implements HostedWorkload {
  readonly id: WorkloadId;
  readonly service: string;
  readonly version: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly bindAddress: string;
  readonly appPort: number | undefined;
  readonly identity = new HeldIdentity();
  readonly settings: WorkloadSettings;
  readonly ports: readonly RunningPort[];
  outboundPort = 0;
  outbounds: { readonly host: string; readonly localPort: number }[] = [];
  #resource: WorkloadResource | undefined;
  #policy: WorkloadPolicy | undefined;

  constructor(settings: WorkloadSettings, bindAddress: string) {
    this.settings = settings;
    this.id = { namespace: settings.namespace, name: settings.workload };
    this.service = settings.service;
    this.version = settings.version;
    this.labels = settings.labels;
    this.bindAddress = bindAddress;
    this.ports = settings.ports.map(({ port, protocol, name, inboundPort }) => ({
      port,
      protocol,
      name,
      configured: inboundPort,
      inboundPort: 0,
    }));
    this.appPort = this.ports[0]?.port;
  }

  /** Where callers reach the app's first port; 0: the workload only calls others. */
  get inboundPort(): number {
    return this.ports[0]?.inboundPort ?? 0;
  }

  /** STRICT until the control plane or the disk has said otherwise: what is not known is not let in. */
  get mtlsMode(): MtlsMode {
    return this.#resource?.mtlsMode ?? "STRICT";
  }

  get isConfigured(): boolean {
    return this.#resource !== undefined;
  }

  get resource(): WorkloadResource | undefined {
    return this.#resource;
  }

  get policy(): WorkloadPolicy | undefined {
    return this.#policy;
  }

  get locality(): string | undefined {
    return this.settings.locality;
  }

  get outboundTrafficPolicy(): OutboundTrafficPolicy | undefined {
    return this.#resource?.outboundTrafficPolicy;
  }

  get pathNormalization(): PathNormalization | undefined {
    return this.#resource?.pathNormalization;
  }

  /**
   * Compiles what the resource says; what is returned lets it hold. Throws `InvalidWorkloadPolicyError`,
   * having changed nothing.
   */
  prepare(resource: WorkloadResource): () => void {
    const policy = compileWorkloadPolicy(resource, this.#policy);
    return () => {
      this.#resource = resource;
      this.#policy = policy;
    };
  }

  isReady(nowMs: number): boolean {
    return this.isConfigured && this.identity.isValid(nowMs);
  }

  registration(proxyId: string): WorkloadRegistration {
    const { namespace, name } = this.id;
    const [first, ...more] = this.ports;
    return {
      namespace,
      workload: name,
      service: this.service,
      ...(this.version === undefined ? {} : { version: this.version }),
      labels: { ...this.labels },
      instanceId: `${proxyId}/${formatId(this.id)}`,
      address: this.settings.address ?? reachableAddress(this.bindAddress),
      inboundPort: this.inboundPort,
      ...(this.appPort === undefined ? {} : { appPort: this.appPort }),
      protocol: first?.protocol ?? "auto",
      ...(this.locality === undefined ? {} : { locality: this.locality }),
      ...(more.length === 0 ? {} : { morePorts: more.map(registrationOf) }),
    };
  }
}

function registrationOf({ name, port, inboundPort, protocol }: RunningPort) {
  return { ...(name === undefined ? {} : { name }), appPort: port, inboundPort, protocol };
}

/** A wildcard is no address to connect to; the host's name is, for containers of one network too. */
function reachableAddress(bindAddress: string): string {
  return bindAddress === "0.0.0.0" || bindAddress === "::" ? hostname() : bindAddress;
}
