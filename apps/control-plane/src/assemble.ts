import { hostname } from "node:os";
import type { Logger } from "@heddle/runtime";
import { type ConfigDb, saveIssuerKeys } from "@heddle/store";
import { createAccess } from "./access/access-control.ts";
import { ChangeFeed } from "./api/change-feed.ts";
import type { ApiParts } from "./api/parts.ts";
import { bypassTimers } from "./bypass/bypass-timer.ts";
import type { AuthorityKeeper } from "./certificates/authority-keeper.ts";
import type { CertificateAuthority } from "./certificates/certificate-authority.ts";
import { CertificateLedger } from "./certificates/certificate-ledger.ts";
import type { ControlPlaneConfig } from "./config.ts";
import { judgeEffects } from "./effects/effect-keeper.ts";
import { BlockedAddresses } from "./jwks/blocked-addresses.ts";
import { KeySets } from "./jwks/key-sets.ts";
import { createMetrics } from "./metrics.ts";
import { GuardKeeper } from "./mtls/guard-keeper.ts";
import { TurnedAway } from "./mtls/turned-away.ts";
import { overrideTimers } from "./overrides/override-timer.ts";
import { Presence } from "./presence/presence.ts";
import { PushKeeper } from "./pushes/push-keeper.ts";
import { PushStage } from "./pushes/push-stage.ts";
import { RateLimiter } from "./rate-limit.ts";
import { LeaseHolds } from "./registry/lease-holds.ts";
import { Observations } from "./registry/observations.ts";
import { Registry } from "./registry/registry.ts";
import { RegistryHolds } from "./registry/registry-holds.ts";
import { RegistrySources } from "./registry/registry-sources.ts";
import { StartHolds } from "./registry/start-holds.ts";
import { Deliveries } from "./replicas/deliveries.ts";
import { ForeignRegistry } from "./replicas/foreign-registry.ts";
import { shareHoldAnswer } from "./replicas/hold-answers.ts";
import { Replicas } from "./replicas/replicas.ts";
import { Reports } from "./replicas/reports.ts";
import { ServiceUses } from "./replicas/service-uses.ts";
import { MeshConfig } from "./revisions/mesh-config.ts";
import { CanaryStarts } from "./rollout/canary-start.ts";
import { StagedMeshView } from "./snapshot/staged-mesh-view.ts";
import { SourceHolds } from "./sources/source-holds.ts";
import { SourceKeeper } from "./sources/source-keeper.ts";
import { StreamHub } from "./stream/hub.ts";
import type { StreamServer } from "./stream/stream-server.ts";
import { Study } from "./study/study.ts";
import { TapKeeper } from "./taps/tap-keeper.ts";

const EFFECTS_EVERY_MS = 5_000;
/** Who holds it decides on the leases of control planes that have died; see `RegistryOwner.keepsOrphans`. */
const ORPHANS = "orphan-leases";

/** What there is once the database has been read. */
export type Started = {
  authority?: CertificateAuthority;
  keeper?: AuthorityKeeper;
  stream?: StreamServer;
  adminPort?: number;
};

/** The parts of a control plane, wired to each other; nothing runs yet. */
export function assemble(
  settings: ControlPlaneConfig,
  db: ConfigDb,
  logger: Logger,
  started: Started,
): ApiParts {
  const registry = new Registry({
    get replicaId() {
      return replicas.id;
    },
    databaseNowMs: () => replicas.toDatabaseMs(Date.now()),
    keepsOrphans: () => replicas.others.length === 0 || replicas.singletons.holds(ORPHANS),
  });
  const mesh = new StagedMeshView(registry, settings.trustDomain);
  const hub = new StreamHub(mesh);
  const stage = new PushStage({ mesh, hub, registry, settings: settings.push });
  const feed = new ChangeFeed();
  const presence = new Presence();
  const controlAddress = () =>
    `${hostOf(settings)}:${started.stream?.port ?? settings.controlPort}`;
  const replicas = new Replicas({
    ...{ db, logger, databaseUrl: settings.databaseUrl },
    about: () => ({
      controlAddress: controlAddress(),
      apiUrl: `http://${apiHostOf(settings)}:${started.adminPort ?? settings.adminPort}`,
      proxiesConnected: hub.size,
      revision: mesh.snapshot.revision,
    }),
  });
  // Its turns are empty: leases are looked at all at once, by the same timer.
  replicas.singletons.add({ name: ORPHANS, everyMs: 1_000, run: async () => {} });
  const uses = new ServiceUses({ db, hub, replicaId: replicas.id, logger });
  const deliveries = new Deliveries(replicas);
  const observations = new Observations();
  const onEffects = () => feed.noteEffects();
  replicas.singletons.add({
    name: "revision-effects",
    everyMs: EFFECTS_EVERY_MS,
    run: (signal) => {
      const rootNamespace = () => mesh.snapshot.rootNamespace;
      return judgeEffects({ db, logger, rootNamespace, onChange: onEffects }, Date.now(), signal);
    },
  });
  const turnedAway = new TurnedAway();
  const keySets = new KeySets({
    blocked: new BlockedAddresses(settings.blockedKeyCidrs),
    logger,
    onChange: () => hub.publish(mesh.replaceKeys()),
    count: (outcome) => metrics.keyFetches.inc({ outcome }),
    onFetched: (source, keys) => {
      saveIssuerKeys(db, source, keys, Date.now()).catch((error: unknown) => {
        logger.warn({ err: error }, "an issuer's keys could not be kept");
      });
    },
  });
  mesh.keySets = keySets;
  const metrics = createMetrics({
    connectedProxies: () => hub.size,
    revision: () => mesh.snapshot.revision,
    sources: () => sources.list(),
    holds: () => holds.list(Date.now()).filter(({ dismissed }) => dismissed === undefined).length,
    failingKeySources: () => keySets.states.filter(({ problem }) => problem !== undefined).length,
    authorities: () => started.authority?.inUse ?? [],
    rotation: () => started.keeper?.waiting,
    services: () => [...registry.serviceKeys()].length,
    virtualServices: () =>
      [...mesh.snapshot.documents.values()].filter(
        ({ resource }) => resource.kind === "VirtualService",
      ).length,
  });
  const maxLossPercent = settings.maxEndpointLossPercent;
  const config = new MeshConfig({
    maxLossPercent,
    db,
    mesh,
    stage,
    logger,
    replicaId: replicas.id,
    usedServices: () => uses.all(),
    onCommitted: (revision, delivery) => deliveries.gather(revision, delivery),
    onTakenOver: (revision, delivery) => void deliveries.report(revision, delivery),
    onRevision: (revision) => {
      feed.tell({ type: "revision", revision });
      guards.onRevision(revision);
    },
    onPropagated: ({ ackedAfterMs, proxiesTotal }) => {
      if (ackedAfterMs === undefined || proxiesTotal === 0) return;
      metrics.convergenceSeconds.observe(ackedAfterMs / 1000);
    },
  });
  const reports = new Reports({
    ...{ db, registry, hub, observations, turnedAway, replicas, logger },
    onObservations: () => feed.noteObservations(),
    onTurnedAway: (proxyId) => guards.onTurnedAway(proxyId),
  });
  replicas.singletons.add(bypassTimers(config));
  replicas.singletons.add(overrideTimers(config));
  const onPushes = () => feed.notePushes();
  const pushParts = { db, config, stage, hub, registry, replicas, logger, onChange: onPushes };
  const pushes = new PushKeeper(pushParts);
  replicas.singletons.add(pushes.task);
  replicas.singletons.add(pushes.forgetting);
  const guards = new GuardKeeper({
    ...{ db, config, registry, hub, turnedAway, logger },
    foreignStatusOf: (proxyId) => reports.statusOf(proxyId),
    onChange: () => {
      feed.noteGuards();
      replicas.tell({ type: "guards" });
    },
    onEnd: (outcome) => metrics.mtlsGuards.inc({ outcome }),
  });
  const leaseHolds = new LeaseHolds({
    ...{ registry, mesh, hub, observations, config, maxLossPercent },
    isUsed: (key) => uses.has(key),
    shareAnswer: (instances, answer) =>
      shareHoldAnswer({ db, replicas, foreign }, instances, answer),
  });
  const startHolds = new StartHolds({ registry, mesh, hub, config });
  const sourceKeeper = new SourceKeeper({
    ...{ db, config, logger },
    onChange: () => feed.noteRegistry(),
    onWritten: () => replicas.tell({ type: "sources" }),
  });
  const sources = new RegistrySources({
    ...{ registry, keeper: sourceKeeper, replicas },
    snapshot: () => mesh.snapshot,
  });
  const sourceHolds = new SourceHolds({ keeper: sourceKeeper, mesh, config });
  const holds = new RegistryHolds({
    keepers: [leaseHolds, startHolds, sourceHolds],
    onChange: (asking) => {
      feed.noteHolds();
      for (const { words } of asking) logger.warn(words);
    },
  });
  const foreign = new ForeignRegistry({
    ...{ db, registry, replicas, logger },
    onTouched: (services) => {
      hub.publishEndpoints(services);
      feed.noteRegistry();
    },
    onReport: (proxyId, report) => reports.take(proxyId, report),
    onLost: (proxyId) => {
      if (registry.findProxy(proxyId)?.revokedAtMs === undefined) {
        return started.stream?.replaced(proxyId);
      }
      started.stream?.putOut(proxyId, "the proxy was put out of the mesh");
      hub.publishEndpoints(registry.revoke(proxyId, Date.now()));
    },
  });
  return {
    authSecret: settings.authSecret,
    trustDomain: settings.trustDomain,
    db,
    logger,
    registry,
    observations,
    leaseHolds,
    startHolds,
    holds,
    sources,
    sourceKeeper,
    maxLossPercent,
    reports,
    turnedAway,
    guards,
    mesh,
    hub,
    config,
    pushes,
    stage,
    keySets,
    canaryStarts: new CanaryStarts(db),
    study: new Study({
      ...{ databaseUrl: settings.databaseUrl, trustDomain: settings.trustDomain, logger },
      current: () => ({ snapshot: mesh.snapshot, registry }),
    }),
    feed,
    presence,
    metrics,
    loginLimiter: new RateLimiter({ burst: 30, perSecond: 2 }),
    access: createAccess(settings.access, settings.authSecret, db, logger),
    isReady: () => started.stream !== undefined,
    authority: () => {
      if (!started.authority) throw new Error("asked for the authority before it was opened");
      return started.authority;
    },
    keeper: () => {
      if (!started.keeper) throw new Error("asked for the authority before it was opened");
      return started.keeper;
    },
    putOut: (proxyId, message) => started.stream?.putOut(proxyId, message) ?? false,
    ledger: new CertificateLedger({ ...settings, db, logger }),
    controlAddress,
    taps: new TapKeeper({
      ...{ db, hub, registry, logger },
      onChange: () => replicas.tell({ type: "taps" }),
    }),
    replicas,
    deliveries,
    foreign,
    uses,
  };
}

/** How other control planes reach the API, as far as this one can know. */
function apiHostOf({ bindAddress }: ControlPlaneConfig): string {
  if (bindAddress === "0.0.0.0" || bindAddress === "::") return hostname();
  return bindAddress.includes(":") ? `[${bindAddress}]` : bindAddress;
}

function hostOf({ proxyBindAddress: address }: ControlPlaneConfig): string {
  if (address === "0.0.0.0" || address === "::") return "127.0.0.1";
  return address.includes(":") ? `[${address}]` : address;
}
