import { hostname } from "node:os";
import type {
  InstanceHealthWire,
  WorkloadRegistration,
  WorkloadResource,
} from "@heddle/contracts/control-stream";
import { formatId, type MtlsMode, type WorkloadId } from "@heddle/mesh";
import type { WorkloadSettings } from "../config-file.ts";
import type { AppPort, FormerModes, HostedWorkload } from "../core/hosted-workload.ts";
import type { OutboundTrafficPolicy, PathNormalization } from "../core/mesh-view.ts";
import {
  CLOSED_POLICY,
  compileWorkloadPolicy,
  replacePolicy,
  underBypass,
  type WorkloadPolicy,
} from "../core/workload-policy.ts";
import { NO_FILTERS } from "../filters/active-filter.ts";
import { compileFilters } from "../filters/compile-filters.ts";
import type { FilterLibrary } from "../filters/filter-library.ts";
import { HeldIdentity } from "../identity/held-identity.ts";
import type { MeshTrust } from "../identity/mesh-trust.ts";

/** A port of the app with the inbound port before it, once that is known. */
export type RunningPort = AppPort & {
  /** From the configuration; 0: find one. */
  readonly configured: number;
  inboundPort: number;
};

/**
 * Callers hear of another mode a moment sooner or later than this proxy: so long TLS of the mesh is still
 * taken where DISABLE has begun to hold.
 */
const MODE_CHANGE_MS = 10_000;

/** A hosted workload with what changes while it runs. */
export class RunningWorkload implements HostedWorkload {
  readonly id: WorkloadId;
  readonly service: string;
  readonly version: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly bindAddress: string;
  readonly appPort: number | undefined;
  readonly identity: HeldIdentity;
  readonly settings: WorkloadSettings;
  readonly ports: readonly RunningPort[];
  outboundPort = 0;
  outbounds: { readonly host: string; readonly localPort: number }[] = [];
  #resource: WorkloadResource | undefined;
  #policy: WorkloadPolicy = CLOSED_POLICY;
  #former: FormerModes | undefined;
  /** Whether the policy is what a bypass leaves of it. */
  #isBypassed = false;
  readonly #library: FilterLibrary;

  /** `trust`: of the whole proxy; by itself the workload believes what its certificate came with. */
  constructor(
    settings: WorkloadSettings,
    bindAddress: string,
    library: FilterLibrary,
    trust?: MeshTrust,
  ) {
    this.identity = new HeldIdentity(trust);
    this.settings = settings;
    this.#library = library;
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

  get formerModes(): FormerModes | undefined {
    if (this.#former !== undefined && Date.now() >= this.#former.untilMs) this.#former = undefined;
    return this.#former;
  }

  get isConfigured(): boolean {
    return this.#resource !== undefined;
  }

  get resource(): WorkloadResource | undefined {
    return this.#resource;
  }

  get policy(): WorkloadPolicy {
    return this.#policy;
  }

  get isBypassed(): boolean {
    return this.#isBypassed;
  }

  get locality(): string | undefined {
    return this.settings.locality;
  }

  get address(): string {
    return this.settings.address ?? reachableAddress(this.bindAddress);
  }

  get outboundTrafficPolicy(): OutboundTrafficPolicy | undefined {
    return this.#resource?.outboundTrafficPolicy;
  }

  get pathNormalization(): PathNormalization | undefined {
    return this.#resource?.pathNormalization;
  }

  /**
   * Compiles what the resource says; what is returned lets it hold. Throws `InvalidWorkloadPolicyError`, `InvalidFilterError`,
   * having changed nothing. `isLenient`: it lay on disk.
   */
  prepare(resource: WorkloadResource, isLenient = false): () => void {
    const library = this.#library;
    const held = underBypass(resource, Date.now());
    const isBypassed = held !== resource;
    const own = isBypassed ? [] : this.settings.filters;
    const policy = compileWorkloadPolicy(held, this.#policy, { library, own, isLenient });
    return () => {
      this.#isBypassed = isBypassed;
      replacePolicy(this.#policy, policy);
      const before = this.#resource;
      if (before !== undefined && modesOf(before) !== modesOf(resource)) {
        this.#former = { resource: before, untilMs: Date.now() + MODE_CHANGE_MS };
      }
      this.#resource = resource;
      this.#policy = policy;
    };
  }

  /** Lets the workload's bypass end if its time is over: what its documents say holds again. */
  endBypass(nowMs: number): void {
    const resource = this.#resource;
    if (!this.#isBypassed || resource === undefined || underBypass(resource, nowMs) !== resource)
      return;
    this.prepare(resource, true)();
  }

  /** A filter's file has changed: what can run now, runs. */
  refreshFilters(): void {
    if (this.#resource !== undefined) this.prepare(this.#resource, true)();
  }

  /** Throws `InvalidFilterError` when a filter of the proxy's own configuration cannot run. */
  checkFilters(): void {
    compileFilters(this.settings.filters, formatId(this.id), this.#library, NO_FILTERS, false);
  }

  isReady(nowMs: number): boolean {
    return this.isConfigured && this.identity.isValid(nowMs);
  }

  /** `health`: what the checks of the app say; `undefined`: nobody checks it. */
  registration(proxyId: string, health?: InstanceHealthWire): WorkloadRegistration {
    const { namespace, name } = this.id;
    const [first, ...more] = this.ports;
    return {
      namespace,
      workload: name,
      service: this.service,
      ...(this.version === undefined ? {} : { version: this.version }),
      labels: { ...this.labels },
      instanceId: `${proxyId}/${formatId(this.id)}`,
      address: this.address,
      inboundPort: this.inboundPort,
      ...(this.appPort === undefined ? {} : { appPort: this.appPort }),
      protocol: first?.protocol ?? "auto",
      ...(this.locality === undefined ? {} : { locality: this.locality }),
      ...(more.length === 0 ? {} : { morePorts: more.map(registrationOf) }),
      ...(health === undefined ? {} : { health }),
    };
  }
}

function registrationOf({ name, port, inboundPort, protocol }: RunningPort) {
  return { ...(name === undefined ? {} : { name }), appPort: port, inboundPort, protocol };
}

function modesOf({ mtlsMode, portMtlsModes }: WorkloadResource): string {
  return JSON.stringify([mtlsMode, portMtlsModes]);
}

/** A wildcard is no address to connect to; the host's name is, for containers of one network too. */
function reachableAddress(bindAddress: string): string {
  return bindAddress === "0.0.0.0" || bindAddress === "::" ? hostname() : bindAddress;
}
