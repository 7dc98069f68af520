import { hostname } from "node:os";
import type { WorkloadRegistration } from "@heddle/contracts";
import { formatId, type MtlsMode, type WorkloadId } from "@heddle/mesh";
import type { WorkloadSettings } from "../config-file.ts";
import type { HostedWorkload } from "../core/hosted-workload.ts";
import { HeldIdentity } from "../identity/held-identity.ts";

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
  inboundPort = 0;
  outboundPort = 0;
  outbounds: { readonly host: string; readonly localPort: number }[] = [];
  #mtlsMode: MtlsMode | undefined;

  constructor(settings: WorkloadSettings, bindAddress: string) {
    this.settings = settings;
    this.id = { namespace: settings.namespace, name: settings.workload };
    this.service = settings.service;
    this.version = settings.version;
    this.labels = settings.labels;
    this.bindAddress = bindAddress;
    this.appPort = settings.appPort;
  }

  /** STRICT until the control plane or the disk has said otherwise: what is not known is not let in. */
  get mtlsMode(): MtlsMode {
    return this.#mtlsMode ?? "STRICT";
  }

  get isConfigured(): boolean {
    return this.#mtlsMode !== undefined;
  }

  setMtlsMode(mode: MtlsMode): void {
    this.#mtlsMode = mode;
  }

  isReady(nowMs: number): boolean {
    return this.isConfigured && this.identity.isValid(nowMs);
  }

  registration(proxyId: string): WorkloadRegistration {
    const { namespace, name } = this.id;
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
      protocol: "http",
    };
  }
}

/** A wildcard is no address to connect to; the host's name is, for containers of one network too. */
function reachableAddress(bindAddress: string): string {
  return bindAddress === "0.0.0.0" || bindAddress === "::" ? hostname() : bindAddress;
}
