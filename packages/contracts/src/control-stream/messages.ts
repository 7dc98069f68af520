import { z } from "zod";
import { NameWire } from "./names.ts";
import { ProxyResource } from "./resources.ts";
import { PortProtocolWire } from "./route-wire.ts";
import { TapOrder } from "./tap-wire.ts";

/**
 * The control stream: one WebSocket over mTLS on the control plane's port 15012, path `/v1/stream`,
 * JSON text frames. The proxy opens with `hello`; the control plane answers `welcome`, then pushes.
 *
 *   proxy → control plane   hello, subscribe, unsubscribe, csr, installed, ack, nack, dumped, observed,
 *                           turned-away, health, tallied, draining, bye
 *   control plane → proxy   welcome, push, certificate, renew, tally, dump, taps, refused
 *
 * Neighbouring minor versions understand each other: messages of an unknown `type`, unknown fields and
 * resources of an unknown `kind` are passed over on both sides. What the other side could not pass over is
 * only sent to one that says it knows it (`features` of `hello` and `welcome`).
 *
 * A proxy joins first: `POST /v1/join` on the same port with a join token and a CSR for its own
 * (node) certificate. The token carries the SHA-256 of the root certificate, so that the proxy can
 * check whom it talks to before it trusts anything (as kubeadm's discovery hash does).
 */
export const CONTROL_STREAM_PROTOCOL = 1;
export const CONTROL_STREAM_PATH = "/v1/stream";
export const JOIN_PATH = "/v1/join";
/** URI SAN of a proxy's own certificate: `spiffe://<trust-domain>/heddle/proxy/<proxyId>`. */
export const PROXY_IDENTITY_PATH = "/heddle/proxy/";

/** What the active health check of an app says. `unknown`: not checked yet, or by nobody. */
export const InstanceHealthWire = z.object({
  status: z.enum(["healthy", "unhealthy", "unknown"]),
  check: z.enum(["http", "grpc", "tcp", "command", "api"]),
  /** In words: "GET /health answered 503, expected 200". Absent where all is well. */
  reason: z.string().max(300).optional(),
  sinceMs: z.number(),
});
export type InstanceHealthWire = z.infer<typeof InstanceHealthWire>;

/** One hosted workload as its proxy registers it. */
export const WorkloadRegistration = z.object({
  namespace: z.string().min(1),
  workload: z.string().min(1),
  service: z.string().min(1),
  /** `undefined`: unversioned, shown and labelled as `latest`. */
  version: z.string().optional(),
  /** Always holds `app` (= service) and, if versioned, `version`. Subsets select by these. */
  labels: z.record(z.string(), z.string()),
  /** Stable over restarts of the same proxy: `<proxyId>/<namespace>/<workload>`. */
  instanceId: z.string(),
  /** Where peers reach the inbound listener. */
  address: z.string(),
  inboundPort: z.number().int(),
  appPort: z.number().int().optional(),
  /** Of `appPort`. */
  protocol: PortProtocolWire,
  /** Further app ports, each with an inbound port of its own. */
  morePorts: z
    .array(
      z.object({
        name: z.string().optional(),
        appPort: z.number().int(),
        inboundPort: z.number().int(),
        protocol: PortProtocolWire,
      }),
    )
    .optional(),
  /** `region/zone/subzone`. */
  locality: z.string().optional(),
  /** Absent: the proxy does not check its app. */
  health: InstanceHealthWire.optional(),
});
export type WorkloadRegistration = z.infer<typeof WorkloadRegistration>;

/** A destination as an app named it, seen from a namespace (short names resolve there). */
export const Subscription = z.object({ namespace: z.string(), host: z.string() });
export type Subscription = z.infer<typeof Subscription>;

export const JoinRequest = z.object({
  token: z.string(),
  csrPem: z.string(),
  proxyName: z.string(),
  /** A proxy that was in the mesh before keeps its id if it proves the key of its last own certificate. */
  previous: z
    .object({
      proxyId: z.string().max(64),
      publicKeyPem: z.string().max(1024), // SubjectPublicKeyInfo
      /** ECDSA P-256 with SHA-256 over the text of `csrPem`, DER, base64. */
      signature: z.string().max(256),
    })
    .optional(),
});
export const JoinResponse = z.object({
  proxyId: z.string(),
  certificatePem: z.string(),
  trustBundlePem: z.string(),
  trustDomain: z.string(),
});
/**
 * The server name (SNI) by which a proxy asks for a chain that ends in a root it believes, where the control
 * plane has several: the root certificate's SHA-256 in hex, in two labels.
 */
export function serverNameOfRoot(sha256Hex: string): string {
  return `${sha256Hex.slice(0, 32)}.${sha256Hex.slice(32)}.root.heddle.internal`;
}
export type JoinRequest = z.infer<typeof JoinRequest>;
export type JoinResponse = z.infer<typeof JoinResponse>;

/** Why a proxy does not use an endpoint, or not fully. */
export const EndpointObservation = z.object({
  source: NameWire,
  service: NameWire,
  subset: z.string().optional(),
  endpointId: z.string(),
  state: z.enum(["ejected", "open", "warming", "unreachable"]),
  /** In words: "5 times 5xx in a row". */
  reason: z.string(),
  sinceMs: z.number(),
  /** Epoch ms at which it will be tried again. */
  untilMs: z.number().optional(),
});
export type EndpointObservation = z.infer<typeof EndpointObservation>;

export const ProtocolObservation = z.object({
  service: NameWire,
  port: z.number().int(),
  protocol: PortProtocolWire,
});
export type ProtocolObservation = z.infer<typeof ProtocolObservation>;

/** Why a caller's connection is not taken, or would not be. */
export const TurnedAwayReason = z.enum([
  "plaintext",
  "no-certificate",
  "wrong-trust-domain",
  "expired",
  "revoked",
  "untrusted",
]);
export const TurnedAwayCaller = z.object({
  workload: NameWire,
  sourceAddress: z.string(),
  reason: TurnedAwayReason,
  refused: z.number().int(),
  /** Served, but STRICT would refuse them: only where a dry run is on. */
  wouldBeRefused: z.number().int(),
  lastSeenMs: z.number(),
});
export type TurnedAwayReason = z.infer<typeof TurnedAwayReason>;
export type TurnedAwayCaller = z.infer<typeof TurnedAwayCaller>;

/** A certificate in use; `workload: null` is the proxy's own. Serial number in lower-case hex. */
export const HeldCertificate = z.object({
  workload: NameWire.nullable(),
  serialNumber: z.string().regex(/^[0-9a-f]{2,64}$/),
});
export type HeldCertificate = z.infer<typeof HeldCertificate>;

/** What a proxy may know beside the first shape of the protocol: it is told of `names` and `taps`, and answers `dump`. */
export const PROXY_FEATURES = ["names", "dump", "tally", "taps"] as const;
/** What a control plane may know: acks that refuse single resources, and messages of their own. */
export const CONTROL_FEATURES = ["partial-ack", "unsubscribe", "health"] as const;
const Features = z.array(z.string().max(64)).max(64).optional();

/** A resource of a push that the proxy cannot run, while it runs the rest of the push. */
export const ResourceRefusal = z.object({
  key: z.string(),
  version: z.string(),
  reason: z.string().max(4096),
});
export type ResourceRefusal = z.infer<typeof ResourceRefusal>;

/** Requests that have ended; of these the failed ones, and those that were not let in (401, 403, 429). */
const TallyWire = z.object({
  requests: z.number().int().min(0),
  errors: z.number().int().min(0),
  denied: z.number().int().min(0),
});
export const WorkloadTally = TallyWire.extend({
  workload: NameWire,
  side: z.enum(["sent", "received"]),
  before: TallyWire,
});
export type WorkloadTally = z.infer<typeof WorkloadTally>;

/** A certificate in use, without its key. */
export const DumpedCertificate = z.object({
  /** Null: the proxy's own. */
  workload: NameWire.nullable(),
  uri: z.string(),
  serialNumber: z.string(),
  issuer: z.string(),
  notBeforeMs: z.number(),
  notAfterMs: z.number(),
});
export type DumpedCertificate = z.infer<typeof DumpedCertificate>;

export const ProxyMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: z.number().int(),
    proxyId: z.string(),
    proxyName: z.string(),
    proxyVersion: z.string(),
    workloads: z.array(WorkloadRegistration),
    subscriptions: z.array(Subscription),
    /** What the proxy already runs, from memory or disk; equal versions are not sent again. */
    have: z.array(z.object({ key: z.string(), version: z.string() })),
    /** The certificates it uses, serial numbers in lower-case hex. */
    certificates: z.array(HeldCertificate).optional(),
    /** Of `PROXY_FEATURES` those it knows. */
    features: Features,
  }),
  z.object({ type: z.literal("subscribe"), subscriptions: z.array(Subscription).min(1) }),
  /** Destinations nobody has asked for in a long time: what only they needed is taken back. */
  z.object({ type: z.literal("unsubscribe"), subscriptions: z.array(Subscription).min(1) }),
  /** Asks for a leaf certificate for a hosted workload; `workload: null` renews the proxy's own. */
  z.object({ type: z.literal("csr"), workload: NameWire.nullable(), csrPem: z.string() }),
  /** A certificate that came is in use: a rotation waits for that, not for its sending. */
  z.object({ type: z.literal("installed"), ...HeldCertificate.shape }),
  z.object({
    type: z.literal("ack"),
    nonce: z.string(),
    appliedAtMs: z.number(),
    /**
     * For every service in the push: when this proxy last sent a request to each of its workloads
     * (epoch ms), read after the new routes were live. Later sends follow the new routes.
     */
    lastSends: z.array(
      z.object({
        service: NameWire,
        namespace: z.string(),
        workload: z.string(),
        atMs: z.number(),
      }),
    ),
    /** Of the push's resources those it does not run; all others it does. */
    refused: z.array(ResourceRefusal).max(10_000).optional(),
  }),
  /** Nothing of the push is applied. To a control plane without `partial-ack`: not all of it. */
  z.object({ type: z.literal("nack"), nonce: z.string(), reason: z.string() }),
  /**
   * What this proxy sees of the endpoints it uses, sent when it changes, at most once a second: only
   * those that are not simply in use. An empty list takes the last one back.
   */
  z.object({
    type: z.literal("observed"),
    endpoints: z.array(EndpointObservation).max(1000),
    /** Ports whose protocol was not declared and has been found out. */
    protocols: z.array(ProtocolObservation).max(1000),
  }),
  /**
   * Callers whose connections were refused for what they are, or would be under STRICT: sent when it
   * changes, at most once a second. Counts grow since the proxy's start.
   */
  z.object({ type: z.literal("turned-away"), callers: z.array(TurnedAwayCaller).max(1000) }),
  /**
   * Answers `dump`: what it runs, resources in the order of their keys, without secrets (header values,
   * settings of filters, keys). `next`: there is more, behind this key.
   */
  z.object({
    type: z.literal("dumped"),
    id: z.string().max(64),
    revision: z.number().int(),
    outboundTrafficPolicy: z.enum(["ALLOW_ANY", "REGISTRY_ONLY"]),
    /** Each with `key`, `kind` and `version`. */
    resources: z
      .array(
        z.looseObject({
          key: z.string().max(1024),
          kind: z.string().max(64),
          version: z.string().max(128),
        }),
      )
      .max(10_000),
    certificates: z.array(DumpedCertificate).max(1100),
    destinations: z.array(Subscription.extend({ service: NameWire.nullable() })).max(10_000),
    next: z.string().max(1024).optional(),
  }),
  /** What the checks of hosted apps say, of those for which it has changed: sent at once. `hello` tells all. */
  z.object({
    type: z.literal("health"),
    workloads: z.array(z.object({ workload: NameWire, health: InstanceHealthWire })).max(1000),
  }),
  /**
   * Answers `tally`, each second: what each hosted workload has sent and received since the proxy's start, and in the
   * minute before it was asked.
   */
  z.object({ type: z.literal("tallied"), workloads: z.array(WorkloadTally).max(2000) }),
  /** The workloads are about to end: no new requests for them, please; those under way are finished. */
  z.object({ type: z.literal("draining") }),
  /** Deliberate end: the workloads leave the registry at once instead of when their lease ends. */
  z.object({ type: z.literal("bye") }),
]);
export type ProxyMessage = z.infer<typeof ProxyMessage>;

export const ControlMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("welcome"),
    protocol: z.number().int(),
    trustDomain: z.string(),
    trustBundlePem: z.string(),
    outboundTrafficPolicy: z.enum(["ALLOW_ANY", "REGISTRY_ONLY"]),
    /** A lease ends this long after the last sign of life; the proxy pings at a third of it. */
    leaseMs: z.number().int(),
    /** Of `CONTROL_FEATURES` those it knows. */
    features: Features,
  }),
  z.object({
    type: z.literal("push"),
    nonce: z.string(),
    revision: z.number().int(),
    upserts: z.array(ProxyResource),
    removes: z.array(z.string()),
    /** Answers to subscriptions: which service a host means; `null`: none of that name (yet). */
    resolutions: z.array(
      z.object({ namespace: z.string(), host: z.string(), service: NameWire.nullable() }),
    ),
  }),
  z.object({
    type: z.literal("certificate"),
    workload: NameWire.nullable(),
    /** Leaf first, then intermediates. */
    chainPem: z.string(),
    trustBundlePem: z.string(),
    notAfterMs: z.number(),
  }),
  /**
   * Asks for new certificates before their half-life: another authority signs now. `workload: null` means all,
   * the proxy's own included. Proxies draw a moment within `withinMs` each, so that not all ask at once.
   */
  z.object({
    type: z.literal("renew"),
    workload: NameWire.nullable(),
    withinMs: z.number().int().min(0),
  }),
  /** Asks for `tallied` each second, for so long; said again, it goes on. */
  z.object({ type: z.literal("tally"), forMs: z.number().int().min(0).max(600_000) }),
  /** Asks what the proxy really runs; `after`: what comes behind this key. */
  z.object({
    type: z.literal("dump"),
    id: z.string().max(64),
    after: z.string().max(1024).optional(),
  }),
  /** All taps that concern it, in the place of those it was told of before; what is not among them ends. */
  z.object({ type: z.literal("taps"), taps: z.array(TapOrder) }),
  z.object({ type: z.literal("refused"), code: z.string(), message: z.string() }),
]);
export type ControlMessage = z.infer<typeof ControlMessage>;
