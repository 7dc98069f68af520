import type { WorkloadResource } from "@heddle/contracts";
import {
  type AuthorizationPolicy,
  type EffectiveMtls,
  type ExternalAuthorizer,
  formatId,
  type MtlsMode,
  type PeerAuthentication,
  type RequestAuthentication,
  resolveMtlsMode,
  type WorkloadId,
} from "@heddle/mesh";
import { formatRef, type JwtRule, type Labels } from "@heddle/resources";
import { type KeyLookup, type KeySource, keySourceOf } from "../jwks/key-source.ts";
import { carries } from "./caller-class.ts";
import { contentVersion } from "./content-version.ts";
import { byAge, type DocumentOf, isOf, type MeshDocument } from "./mesh-document.ts";
import type { SidecarScopes } from "./sidecar-scope.ts";
import { compileTelemetry } from "./workload-telemetry.ts";

type Workload = { readonly namespace: string; readonly labels: Labels };
type Selecting =
  | "AuthorizationPolicy"
  | "RequestAuthentication"
  | "RateLimit"
  | "ProxyFilter"
  | "Telemetry";

const NO_KEYS: KeyLookup = () => undefined;

/** What documents say of the workloads they select. */
export class WorkloadPolicies {
  readonly rootNamespace: string;
  readonly mtls: readonly PeerAuthentication[];
  /** Equal texts: every workload without a Sidecar has the same resource. */
  readonly signature: string;
  readonly #peerAuthentications: readonly DocumentOf<"PeerAuthentication">[];
  readonly #selecting: ReadonlyMap<string, readonly DocumentOf<Selecting>[]>;
  readonly #meshConfig: DocumentOf<"MeshConfig"> | undefined;
  readonly #bypasses: readonly DocumentOf<"Bypass">[];

  constructor(
    documents: readonly MeshDocument[],
    meshConfig: DocumentOf<"MeshConfig"> | undefined,
    rootNamespace: string,
  ) {
    const aged = documents.toSorted(byAge);
    const selecting = aged.filter(
      (one): one is DocumentOf<Selecting> =>
        isOf(one, "AuthorizationPolicy") ||
        isOf(one, "RequestAuthentication") ||
        isOf(one, "RateLimit") ||
        isOf(one, "ProxyFilter") ||
        isOf(one, "Telemetry"),
    );
    const sidecars = aged.filter((one) => isOf(one, "Sidecar"));
    this.rootNamespace = rootNamespace;
    this.#meshConfig = meshConfig;
    this.#bypasses = aged.filter((one) => isOf(one, "Bypass"));
    this.#peerAuthentications = aged.filter((one) => isOf(one, "PeerAuthentication"));
    this.#selecting = Map.groupBy(selecting, ({ resource }) => resource.namespace);
    this.mtls = this.#peerAuthentications.map(({ resource, createdAtMs }) => {
      const { namespace, name, selector, mode } = resource;
      return { namespace, name, createdAtMs, selector, mode };
    });
    const shaping = [
      ...selecting,
      ...sidecars,
      ...this.#peerAuthentications,
      ...this.#bypasses.filter(({ resource }) => resource.target.kind === "workload"),
      ...(meshConfig ? [meshConfig] : []),
    ];
    this.signature = JSON.stringify(
      shaping.map(({ resource, revision, createdAtMs }) => [resource, revision, createdAtMs]),
    );
  }

  effectiveMtls({ namespace, labels }: Workload): EffectiveMtls {
    return resolveMtlsMode(this.mtls, { namespace, labels }, this.rootNamespace);
  }

  /** The policy in force, if it counts what STRICT would refuse. */
  strictDryRun(workload: Workload): DocumentOf<"PeerAuthentication"> | undefined {
    const { mode, policy } = this.effectiveMtls(workload);
    if (mode !== "PERMISSIVE" || !policy) return undefined;
    return this.#peerAuthentications.find(
      ({ resource }) => resource.isStrictDryRun && formatId(resource) === formatId(policy),
    );
  }

  /** Documents of a kind that take a workload in: those of the root namespace, then of its own. */
  selecting<Kind extends Selecting>(kind: Kind, workload: Workload): DocumentOf<Kind>[] {
    const namespaces = new Set([this.rootNamespace, workload.namespace]);
    return [...namespaces].flatMap((namespace) =>
      (this.#selecting.get(namespace) ?? [])
        .filter((one): one is DocumentOf<Kind> => isOf(one, kind))
        .filter(({ resource }) => takesIn(resource, workload)),
    );
  }

  /** The bypass of a workload that lasts longest. */
  bypassOf(workload: WorkloadId): DocumentOf<"Bypass"> | undefined {
    const own = this.#bypasses.filter(
      ({ resource: { namespace, target } }) =>
        namespace === workload.namespace &&
        target.kind === "workload" &&
        target.workload === workload.name,
    );
    return own.toSorted((a, b) => b.resource.untilMs - a.resource.untilMs)[0];
  }

  /** What holds for a workload's proxy. */
  resource(
    workload: WorkloadId,
    labels: Labels,
    sidecars: SidecarScopes,
    keysOf: KeyLookup = NO_KEYS,
  ): WorkloadResource {
    const about = { namespace: workload.namespace, labels };
    const { mode } = this.effectiveMtls(about);
    const portModes = this.#portModes(about);
    const authorization = this.selecting("AuthorizationPolicy", about);
    const authentication = this.selecting("RequestAuthentication", about);
    const rateLimits = this.selecting("RateLimit", about);
    const filters = this.selecting("ProxyFilter", about);
    const telemetry = this.selecting("Telemetry", about);
    const sidecar = sidecars.find(about);
    const bypass = this.bypassOf(workload);
    const mesh = this.#meshConfig?.resource;
    const outbound = sidecar?.resource.outboundTrafficPolicy ?? mesh?.outboundTrafficPolicy;
    const content = {
      kind: "workload" as const,
      key: `workload/${formatId(workload)}`,
      workload: { namespace: workload.namespace, name: workload.name },
      mtlsMode: mode,
      ...(portModes.modes === undefined ? {} : { portMtlsModes: portModes.modes }),
      ...(this.strictDryRun(about) === undefined ? {} : { isStrictDryRun: true }),
      ...nonEmpty("authorization", authorization.map(toAuthorization)),
      ...nonEmpty("externalAuthorizers", this.#authorizersOf(authorization)),
      ...nonEmpty(
        "requestAuthentication",
        authentication.map((one) => toRequestAuthentication(one, keysOf)),
      ),
      ...nonEmpty("rateLimits", rateLimits.flatMap(toRateLimits)),
      ...nonEmpty(
        "filters",
        filters.flatMap(({ resource }) => resource.filters),
      ),
      ...present("telemetry", compileTelemetry(telemetry, this.rootNamespace)),
      ...present("outboundTrafficPolicy", outbound),
      ...present("bypass", bypass && toBypass(bypass)),
      ...present("connectionPool", sidecar?.resource.inboundConnectionPool),
      ...present("pathNormalization", mesh?.pathNormalization),
      ...present("trustedProxyCount", mesh?.trustedProxyCount),
    };
    const documents = [...this.documentsOf(about, sidecars), ...(bypass ? [bypass] : [])];
    const revision = Math.max(0, ...documents.map((document) => document.revision));
    return { ...content, version: contentVersion(content), revision } as WorkloadResource;
  }

  /** Every document that has a say in what holds for a workload's proxy. */
  documentsOf(about: Workload, sidecars: SidecarScopes): MeshDocument[] {
    const { policy } = this.effectiveMtls(about);
    const peerAuthentication = this.#peerAuthentications.find(
      ({ resource }) => policy && formatId(resource) === formatId(policy),
    );
    const single = [
      ...[peerAuthentication, this.#portModes(about).document],
      ...[sidecars.find(about), this.#meshConfig],
    ];
    const documents = [
      ...single.filter((one) => one !== undefined),
      ...this.selecting("AuthorizationPolicy", about),
      ...this.selecting("RequestAuthentication", about),
      ...this.selecting("RateLimit", about),
      ...this.selecting("ProxyFilter", about),
      ...this.selecting("Telemetry", about),
    ];
    return [...new Set<MeshDocument>(documents)];
  }

  /** Where keys come from that are fetched, of all documents. */
  get keySources(): readonly KeySource[] {
    return [...this.#selecting.values()]
      .flat()
      .filter((one) => isOf(one, "RequestAuthentication"))
      .flatMap(({ resource }) => resource.rules)
      .map(keySourceOf)
      .filter((source) => source !== undefined);
  }

  /** Those whom CUSTOM policies name; a name nobody has is the proxy's to refuse. */
  #authorizersOf(policies: readonly DocumentOf<"AuthorizationPolicy">[]): ExternalAuthorizer[] {
    const names = new Set(policies.map(({ resource }) => resource.provider));
    return (this.#meshConfig?.resource.extensionProviders ?? [])
      .filter(({ name }) => names.has(name))
      .flatMap(({ authorizer }) => authorizer ?? []);
  }

  /** Port-level modes come from the oldest policy that selects the workload, as its mode does. */
  #portModes({ namespace, labels }: Workload): {
    readonly modes: Readonly<Record<string, MtlsMode>> | undefined;
    readonly document: MeshDocument | undefined;
  } {
    const document = this.#peerAuthentications.find(
      ({ resource }) =>
        resource.namespace === namespace &&
        namespace !== this.rootNamespace &&
        resource.selector !== undefined &&
        carries(labels, resource.selector),
    );
    return { modes: document?.resource.portModes, document };
  }
}

/** A policy without selector takes its namespace in, in the root namespace the mesh; targetRefs mean gateways. */
function takesIn(
  resource: { readonly selector: Labels | undefined; readonly targetRefs?: readonly unknown[] },
  { labels }: Workload,
): boolean {
  if ((resource.targetRefs?.length ?? 0) > 0) return false;
  return resource.selector === undefined || carries(labels, resource.selector);
}

function toBypass({ resource }: DocumentOf<"Bypass">) {
  const { target, untilMs } = resource;
  const includesAuthorization = target.kind === "workload" && target.includesAuthorization;
  return { untilMs, name: formatId(resource), includesAuthorization };
}

function toAuthorization({ resource }: DocumentOf<"AuthorizationPolicy">): AuthorizationPolicy {
  const { namespace, name, action, isShadow, rules, provider } = resource;
  return { namespace, name, action, isShadow, rules, ...present("provider", provider) };
}

function toRequestAuthentication(
  { resource: { namespace, name, rules } }: DocumentOf<"RequestAuthentication">,
  keysOf: KeyLookup,
): RequestAuthentication {
  return {
    namespace,
    name,
    rules: rules.map((rule) => toJwtRule(rule, keysOf)),
  };
}

/** As the proxies take it: with the keys, whatever they were found by. */
function toJwtRule(rule: JwtRule, keysOf: KeyLookup): RequestAuthentication["rules"][number] {
  const { issuer, audiences, fromHeaders, fromParams, fromCookies } = rule;
  const { forwardsToken, payloadHeader, claimHeaders, spaceDelimitedClaims, isRequired } = rule;
  const source = keySourceOf(rule);
  return {
    issuer,
    audiences,
    fromHeaders,
    fromParams,
    fromCookies,
    forwardsToken,
    ...present("payloadHeader", payloadHeader),
    claimHeaders,
    spaceDelimitedClaims,
    isRequired,
    ...present("jwks", source === undefined ? rule.jwks : keysOf(source)),
  };
}

function toRateLimits({ resource, revision }: DocumentOf<"RateLimit">) {
  const rule = `${formatRef(resource)}, revision ${revision}`;
  return resource.limits.map((limit) => ({ ...limit, rule }));
}

function nonEmpty<Name extends string, Value>(
  name: Name,
  values: readonly Value[],
): { [Key in Name]?: readonly Value[] } {
  return values.length === 0 ? {} : ({ [name]: values } as { [Key in Name]: readonly Value[] });
}

function present<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}
