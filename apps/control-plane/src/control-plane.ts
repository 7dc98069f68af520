import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createLogger, type HttpService, type Logger, serveHttp } from "@heddle/runtime";
import {
  type ConfigDb,
  countIssuedCertificates,
  DatabaseUnavailableError,
  forgetProxies,
  loadIssuerKeys,
  loadRegistry,
  migrate,
  openConfigDb,
  saveIssuerKeys,
} from "@heddle/store";
import { createAccess } from "./access/access-control.ts";
import { MeshAnalysis } from "./analysis/mesh-analysis.ts";
import { createApi } from "./api/api.ts";
import { ChangeFeed } from "./api/change-feed.ts";
import { toIdentity } from "./api/identity-wire.ts";
import type { ApiParts } from "./api/parts.ts";
import { bypassTimers } from "./bypass/bypass-timer.ts";
import { AlarmLog } from "./certificates/alarm-log.ts";
import { readAuthorityFiles } from "./certificates/authority-files.ts";
import { AuthorityKeeper } from "./certificates/authority-keeper.ts";
import { CertificateAuthority } from "./certificates/certificate-authority.ts";
import { CertificateLedger } from "./certificates/certificate-ledger.ts";
import type { ControlPlaneConfig } from "./config.ts";
import { judgeEffects } from "./effects/effect-keeper.ts";
import { BlockedAddresses } from "./jwks/blocked-addresses.ts";
import { KeySets } from "./jwks/key-sets.ts";
import { createMetrics } from "./metrics.ts";
import { GuardKeeper } from "./mtls/guard-keeper.ts";
import { TurnedAway } from "./mtls/turned-away.ts";
import { RateLimiter } from "./rate-limit.ts";
import { LeaseHolds } from "./registry/lease-holds.ts";
import { Observations } from "./registry/observations.ts";
import { Registry } from "./registry/registry.ts";
import { RegistryHolds } from "./registry/registry-holds.ts";
import { RegistrySources } from "./registry/registry-sources.ts";
import { startRegistryWriter } from "./registry/registry-writer.ts";
import { StartHolds } from "./registry/start-holds.ts";
import { Deliveries } from "./replicas/deliveries.ts";
import { ForeignRegistry } from "./replicas/foreign-registry.ts";
import { type ReplicaHandlers, Replicas } from "./replicas/replicas.ts";
import { Reports } from "./replicas/reports.ts";
import { MeshConfig } from "./revisions/mesh-config.ts";
import { CanaryStarts } from "./rollout/canary-start.ts";
import { MeshView } from "./snapshot/mesh-view.ts";
import { StreamHub } from "./stream/hub.ts";
import { type StreamServer, startStreamServer } from "./stream/stream-server.ts";

/** Proxies need this long to come back after the control plane did. */
const RESTART_LEASE_MS = 30_000;
const EXPIRE_EVERY_MS = 1000;
const RETRY_DATABASE_MS = 500;
const ALARMS_EVERY_MS = 60_000;
const EFFECTS_EVERY_MS = 5_000;
const PROXY_MEMORY_MS = 30 * 86_400_000;
/** Older keys of an issuer are not believed without asking it. */
const KEY_MEMORY_MS = 7 * 86_400_000;
const MIGRATIONS_DIR = fileURLToPath(new URL("../../../prisma/migrations", import.meta.url));

export type ControlPlane = {
  readonly adminPort: number;
  readonly controlPort: number;
  close(): Promise<void>;
};

/** What there is once the database has been read. */
type Started = {
  authority?: CertificateAuthority;
  keeper?: AuthorityKeeper;
  stream?: StreamServer;
  adminPort?: number;
};

/** Starts everything; resolves when proxies are served. The API answers 503 until then. */
export async function startControlPlane(
  settings: ControlPlaneConfig,
  logger: Logger = createLogger("control-plane", settings.logLevel),
): Promise<ControlPlane> {
  const db = openConfigDb(settings.databaseUrl, (error) => {
    logger.warn({ err: error }, "a database connection was lost");
  });
  const started: Started = {};
  const parts = assemble(settings, db, logger, started);
  let admin: HttpService | undefined;
  try {
    admin = await serveHttp(createApi(parts), {
      host: settings.bindAddress,
      port: settings.adminPort,
      purpose: "control plane API",
      variable: "HEDDLE_CONTROL_ADMIN_PORT",
    });
    started.adminPort = admin.port;
    started.authority = await untilAnswered(logger, () => load(settings, parts));
    const { authority } = started;
    const onAuthorities = async () => started.stream?.takeAuthorities();
    const onChange = () => {
      parts.feed.noteIdentity();
      parts.replicas.tell({ type: "identity" });
    };
    const keeper = new AuthorityKeeper({ ...parts, authority, onAuthorities, onChange });
    started.keeper = keeper;
    await untilAnswered(logger, () => keeper.open());
    await parts.access.start();
    started.stream = await startStreamServer(
      {
        ...parts,
        authority,
        isRevoked: (serialNumber) => keeper.isRevoked(serialNumber),
        onRegistryChange: () => parts.feed.noteRegistry(),
        onObservations: () => parts.feed.noteObservations(),
        onTurnedAway: (proxyId) => parts.guards.onTurnedAway(proxyId),
      },
      {
        host: settings.proxyBindAddress,
        port: settings.controlPort,
        names: settings.controlNames,
      },
    );
  } catch (error) {
    await admin?.close();
    await parts.access.close();
    await db.close();
    throw error;
  }
  const { registry, hub, feed, config, guards, replicas } = parts;
  guards.start();
  await untilAnswered(logger, () => replicas.start(replicaHandlers(parts)));
  const writer = startRegistryWriter(registry, db, replicas, logger);
  const expiry = setInterval(() => {
    const nowMs = Date.now();
    const touched = parts.leaseHolds.expire(nowMs);
    parts.startHolds.settle(nowMs);
    parts.holds.look(nowMs);
    if (touched.size === 0) return;
    hub.publishEndpoints(touched);
    feed.noteRegistry();
  }, EXPIRE_EVERY_MS);
  const { stream, keeper } = started;
  keeper?.start();
  const alarms = new AlarmLog(async () => {
    const counts = await countIssuedCertificates(db);
    return toIdentity(parts, counts, settings.certificateTtlSeconds, Date.now()).alarms;
  }, logger);
  replicas.singletons.add({
    name: "identity-alarms",
    everyMs: ALARMS_EVERY_MS,
    run: () => alarms.look(),
  });
  parts.ledger.start();
  parts.reports.start();
  const service = admin;
  logger.info({ control: stream.port, api: service.port }, "control plane ready");
  return {
    adminPort: service.port,
    controlPort: stream.port,
    close: async () => {
      clearInterval(expiry);
      config.close();
      parts.keySets.close();
      await guards.close();
      await keeper?.close();
      await Promise.all([service.close(), stream.close()]);
      await parts.ledger.close();
      await parts.access.close();
      await parts.reports.close();
      await parts.foreign.close();
      await writer.close();
      await replicas.close();
      await db.close();
    },
  };
}

/** What this control plane does with what it hears of the others. */
function replicaHandlers({ config, deliveries, foreign, feed }: ApiParts): ReplicaHandlers {
  return {
    onNotice: (notice) => {
      if (notice.type === "revision") config.hear(notice.revision);
      else if (notice.type === "delivery") deliveries.hear(notice);
      else if (notice.type === "registry") foreign.hear(notice);
      else if (notice.type === "guards") feed.noteGuards();
      else feed.noteIdentity();
    },
    onRound: (round) => {
      config.hear(round.newestRevision);
      foreign.look(round);
    },
  };
}

function assemble(
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
  });
  const mesh = new MeshView(registry, settings.trustDomain);
  const hub = new StreamHub(mesh);
  const feed = new ChangeFeed();
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
    hub,
    logger,
    replicaId: replicas.id,
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
  const guards = new GuardKeeper({
    ...{ db, config, registry, hub, turnedAway, logger },
    foreignStatusOf: (proxyId) => reports.statusOf(proxyId),
    onChange: () => {
      feed.noteGuards();
      replicas.tell({ type: "guards" });
    },
    onEnd: (outcome) => metrics.mtlsGuards.inc({ outcome }),
  });
  const leaseHolds = new LeaseHolds({ registry, mesh, hub, observations, config, maxLossPercent });
  const startHolds = new StartHolds({ registry, mesh, hub, config });
  const holds = new RegistryHolds({
    keepers: [leaseHolds, startHolds],
    onChange: (asking) => {
      feed.noteHolds();
      for (const { words } of asking) logger.warn(words);
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
    sources: new RegistrySources(registry),
    maxLossPercent,
    reports,
    turnedAway,
    guards,
    mesh,
    hub,
    config,
    keySets,
    canaryStarts: new CanaryStarts(db),
    analysis: new MeshAnalysis({ config, registry }),
    feed,
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
    replicas,
    deliveries,
    foreign: new ForeignRegistry({
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
    }),
  };
}

/** Everything a push needs, read once; after this a dead database stops changes, never streams. */
async function load(
  settings: ControlPlaneConfig,
  { db, registry, startHolds, config, keySets, logger, replicas }: ApiParts,
): Promise<CertificateAuthority> {
  await migrate(settings.databaseUrl, MIGRATIONS_DIR).catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "HEDDLE_MIGRATION") throw error;
    throw new DatabaseUnavailableError(error);
  });
  await replicas.setClock();
  const nowMs = Date.now();
  const files = settings.caFiles && (await readAuthorityFiles(settings.caFiles, nowMs, logger));
  const authority = await CertificateAuthority.open(db, settings, files, logger);
  await forgetProxies(db, nowMs - PROXY_MEMORY_MS);
  registry.load(await loadRegistry(db), nowMs + RESTART_LEASE_MS);
  startHolds.begin(nowMs + RESTART_LEASE_MS);
  keySets.remember(await loadIssuerKeys(db, nowMs - KEY_MEMORY_MS));
  await config.load();
  // Proxies have had these keys: they are not to lose them for as long as it takes to fetch them again.
  await keySets.prepare(config.snapshot.workloads.keySources);
  return authority;
}

async function untilAnswered<Answer>(
  logger: Logger,
  question: () => Promise<Answer>,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      if (attempt === 1 || attempt % 20 === 0) {
        logger.warn({ attempt, reason: error.message }, "waiting for the database");
      }
      await wait(RETRY_DATABASE_MS);
    }
  }
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
