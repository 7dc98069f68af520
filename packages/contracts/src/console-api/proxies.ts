import { z } from "zod";
import { Subscription } from "../control-stream/messages.ts";
import { NameWire } from "../control-stream/names.ts";
import { ProxyState, ResourceKind, SyncState } from "./mesh-state.ts";

/**
 * One proxy, closely: what it was sent and has acknowledged, and what it says it runs. Times are epoch ms.
 * `GET /proxies/{id}` → `ProxyDetail`; `GET /proxies/{id}/config?part=` → `ProxyConfigResponse`.
 */

/**
 * What proxies are handed: `service` (routes and clusters of one service), `endpoints` (its live addresses),
 * `workload` (what holds for a hosted workload's inbound side), `trust` (whom to believe), `names` (which
 * names are the mesh's).
 */
export const ProxyResourceKind = z.enum(["service", "endpoints", "workload", "trust", "names"]);

/** How one proxy stands with all resources of one kind. */
export const ResourceKindSync = z.object({
  kind: ProxyResourceKind,
  /** The worst of its resources: ERROR > STALE > NOT SENT > SYNCED; NOT SENT too where there are none. */
  sync: SyncState,
  /** Since when it is so. */
  sinceMs: z.number(),
  /** So many the proxy is to run. */
  total: z.number().int(),
  /** So many of them it has acknowledged in the wanted version. */
  acked: z.number().int(),
  /** Absent: none of this kind was sent, or acknowledged, on this stream. */
  lastSentMs: z.number().optional(),
  lastAckedMs: z.number().optional(),
});

/** A resource the proxy has refused; what it ran before, it still runs. Not sent again until it changes. */
export const RefusedResource = z.object({
  key: z.string(),
  version: z.string(),
  reason: z.string(),
  atMs: z.number(),
});

export const ProxyDetail = ProxyState.extend({
  /** The control plane's own version, to hold `version` against. */
  controlPlaneVersion: z.string(),
  lastSeenAtMs: z.number(),
  kinds: z.array(ResourceKindSync),
  refused: z.array(RefusedResource),
  /** Where its workloads call: hosts as apps name them; `service` null: no service of the mesh. */
  destinations: z.array(Subscription.extend({ service: NameWire.nullable() })),
});

/** `GET /proxies?kinds=true`: a proxy of the list with its state by kind; absent: it is not connected here. */
export const ListedProxy = ProxyState.extend({ kinds: z.array(ResourceKindSync).optional() });
export const ListedProxiesResponse = z.object({ proxies: z.array(ListedProxy) });

/** `routes` and `clusters` are two sides of `service`; `secret` is certificates and trust. */
export const ProxyConfigPart = z.enum(["routes", "clusters", "endpoints", "secret", "all"]);

/** A document that has a say in a resource; `revision`: the one that last changed it. */
export const ShapingDocument = z.object({
  kind: ResourceKind,
  namespace: z.string(),
  name: z.string(),
  revision: z.number().int(),
});

/** A resource as the proxy says it runs it. */
export const RunningResource = z.object({
  key: z.string(),
  kind: ProxyResourceKind,
  version: z.string(),
  /** The revision that last shaped it; absent: no revision does (endpoints, names). 0: defaults only. */
  revision: z.number().int().optional(),
  /**
   * Against what the control plane would send now: `same`; `differs`: another version (`wantedVersion`);
   * `surplus`: the proxy is not to have it (any more).
   */
  standing: z.enum(["same", "differs", "surplus"]),
  wantedVersion: z.string().optional(),
  /** The documents that shape what the control plane would send; empty: none, defaults or the registry alone. */
  documents: z.array(ShapingDocument),
  /** Which document each named part comes from: `part` is `routes[0] "canary"`, `subsets[1] "v2"`, … */
  parts: z.array(z.object({ part: z.string(), document: ShapingDocument })),
  /** As in the control stream's contract, without keys, tokens, and values of headers ("(hidden)"). */
  content: z.unknown(),
});

/** A certificate the proxy uses; never its key. */
export const RunningCertificate = z.object({
  /** The workload's `namespace/name`; null: the proxy's own. */
  holder: z.string().nullable(),
  identity: z.string(),
  serialNumber: z.string(), // lower-case hex
  issuer: z.string(),
  notBeforeMs: z.number(),
  notAfterMs: z.number(),
});

export const ProxyConfigResponse = z.object({
  proxyId: z.string(),
  name: z.string(),
  version: z.string(),
  part: ProxyConfigPart,
  /** When the proxy answered, and how long that took. */
  answeredAtMs: z.number(),
  answerMs: z.number(),
  /** The revision of the last push it has applied. */
  revision: z.number().int(),
  outboundTrafficPolicy: z.enum(["ALLOW_ANY", "REGISTRY_ONLY"]),
  resources: z.array(RunningResource),
  /** What the control plane would send and the proxy does not have. */
  missing: z.array(z.object({ key: z.string(), version: z.string() })),
  certificates: z.array(RunningCertificate),
  destinations: z.array(Subscription.extend({ service: NameWire.nullable() })),
  /** True: the proxy has more than one answer may hold; the rest is left out. */
  isTruncated: z.boolean(),
});

export type ProxyResourceKind = z.infer<typeof ProxyResourceKind>;
export type ResourceKindSync = z.infer<typeof ResourceKindSync>;
export type RefusedResource = z.infer<typeof RefusedResource>;
export type ListedProxy = z.infer<typeof ListedProxy>;
export type ListedProxiesResponse = z.infer<typeof ListedProxiesResponse>;
export type ProxyDetail = z.infer<typeof ProxyDetail>;
export type ProxyConfigPart = z.infer<typeof ProxyConfigPart>;
export type ShapingDocument = z.infer<typeof ShapingDocument>;
export type RunningResource = z.infer<typeof RunningResource>;
export type RunningCertificate = z.infer<typeof RunningCertificate>;
export type ProxyConfigResponse = z.infer<typeof ProxyConfigResponse>;
