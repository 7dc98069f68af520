import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createLogger, type HttpService, type Logger, serveHttp } from "@heddle/runtime";
import {
  countIssuedCertificates,
  DatabaseUnavailableError,
  forgetProxies,
  loadIssuerKeys,
  loadRegistry,
  migrate,
  openConfigDb,
} from "@heddle/store";
import { createApi } from "./api/api.ts";
import { toIdentity } from "./api/identity-wire.ts";
import type { ApiParts } from "./api/parts.ts";
import { assemble, type Started } from "./assemble.ts";
import { AlarmLog } from "./certificates/alarm-log.ts";
import { readAuthorityFiles } from "./certificates/authority-files.ts";
import { AuthorityKeeper } from "./certificates/authority-keeper.ts";
import { CertificateAuthority } from "./certificates/certificate-authority.ts";
import type { ControlPlaneConfig } from "./config.ts";
import { startRegistryWriter } from "./registry/registry-writer.ts";
import { forgetGoneTask } from "./registry/shared-gone.ts";
import type { ReplicaHandlers } from "./replicas/replicas.ts";
import { startSourceReaders } from "./sources/source-readers.ts";
import { startStreamServer } from "./stream/stream-server.ts";

/** Proxies need this long to come back after the control plane did. */
const RESTART_LEASE_MS = 30_000;
const EXPIRE_EVERY_MS = 1000;
const RETRY_DATABASE_MS = 500;
const ALARMS_EVERY_MS = 60_000;
const PROXY_MEMORY_MS = 30 * 86_400_000;
/** Older keys of an issuer are not believed without asking it. */
const KEY_MEMORY_MS = 7 * 86_400_000;
const MIGRATIONS_DIR = fileURLToPath(new URL("../../../prisma/migrations", import.meta.url));

export type ControlPlane = {
  readonly adminPort: number;
  readonly controlPort: number;
  close(): Promise<void>;
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
        pictureOf: (proxyId) => parts.stage.pictureOf(proxyId),
        onTally: (proxyId, workloads) => parts.pushes.noteTally(proxyId, workloads),
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
  const { registry, hub, feed, config, guards, pushes, replicas } = parts;
  guards.start();
  pushes.start();
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
  const readers = startSourceReaders(settings, parts);
  for (const sweep of [...parts.access.sweeps, forgetGoneTask(db)]) {
    replicas.singletons.add(sweep);
  }
  parts.ledger.start();
  parts.reports.start();
  parts.taps.start();
  const service = admin;
  logger.info({ control: stream.port, api: service.port }, "control plane ready");
  return {
    adminPort: service.port,
    controlPort: stream.port,
    close: async () => {
      clearInterval(expiry);
      readers.close();
      config.close();
      parts.keySets.close();
      await guards.close();
      await pushes.close();
      await keeper?.close();
      await parts.study.close();
      await Promise.all([service.close(), stream.close()]);
      await parts.ledger.close();
      await parts.access.close();
      await parts.reports.close();
      await parts.taps.close();
      await parts.foreign.close();
      await parts.uses.close();
      await writer.close();
      await replicas.close();
      await db.close();
    },
  };
}

/** What this control plane does with what it hears of the others. */
function replicaHandlers(parts: ApiParts): ReplicaHandlers {
  const {
    config,
    deliveries,
    foreign,
    uses,
    feed,
    sourceKeeper,
    replicas,
    taps,
    presence,
    pushes,
  } = parts;
  return {
    onNotice: (notice) => {
      if (notice.type === "revision") config.hear(notice.revision);
      else if (notice.type === "delivery") deliveries.hear(notice);
      else if (notice.type === "registry") foreign.hear(notice);
      else if (notice.type === "guards") feed.noteGuards();
      else if (notice.type === "sources") sourceKeeper.look();
      else if (notice.type === "taps") void taps.look();
      else if (notice.type === "pushes") pushes.look();
      else if (notice.type === "presence") {
        const { subject, name, page, isLeft } = notice;
        const isNews = presence.hear({ subject, name, page, isLeft }, Date.now());
        if (isNews) feed.tell({ type: "presence", subject });
      } else feed.noteIdentity();
    },
    onRound: (round) => {
      config.hear(round.newestRevision);
      foreign.look(round);
      uses.look(round);
      if (replicas.others.length > 0) sourceKeeper.look();
    },
  };
}

/** Everything a push needs, read once; after this a dead database stops changes, never streams. */
async function load(
  settings: ControlPlaneConfig,
  { db, registry, startHolds, config, sourceKeeper, keySets, logger, replicas }: ApiParts,
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
  await sourceKeeper.load();
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
