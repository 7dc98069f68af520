import { hkdfSync } from "node:crypto";
import { AccessDirectory, type Logger } from "@heddle/runtime";
import { accessFromConfig, type ConfigDb } from "@heddle/store";
import { RateLimiter } from "../rate-limit.ts";
import type { SingletonTask } from "../replicas/singleton.ts";
import { AuditLog } from "./audit-log.ts";
import { LoginThrottle } from "./login-throttle.ts";
import { type OidcConfig, OidcProvider } from "./oidc-provider.ts";
import { SessionKeeper, type SessionLimits } from "./session-keeper.ts";

/** Everything about who comes in that can be set. */
export type AccessConfig = {
  readonly sessions: SessionLimits;
  readonly auditRetentionDays: number;
  /** `undefined`: nobody logs in by a provider. */
  readonly oidc: OidcConfig | undefined;
};

/** The console's door: who is in, who did what, and the ways in. */
export type AccessControl = {
  readonly directory: AccessDirectory;
  readonly sessions: SessionKeeper;
  readonly audit: AuditLog;
  readonly throttle: LoginThrottle;
  /** That somebody was slowed down is noted once a minute and address. */
  readonly slowedNotes: RateLimiter;
  readonly oidc: OidcProvider | undefined;
  /** Tasks of the whole mesh. */
  readonly sweeps: readonly SingletonTask[];
  /** Once the database has its tables. */
  start(): Promise<void>;
  close(): Promise<void>;
};

const SEAL_KEY_BYTES = 32;

export function createAccess(
  config: AccessConfig,
  authSecret: string,
  db: ConfigDb,
  logger: Logger,
): AccessControl {
  const directory = new AccessDirectory(authSecret, accessFromConfig(db), logger);
  const sessions = new SessionKeeper({ db, directory, logger, limits: config.sessions });
  const audit = new AuditLog(db, logger, config.auditRetentionDays);
  const sealKey = hkdfSync("sha256", authSecret, "", "heddle login flow", SEAL_KEY_BYTES);
  const oidc = config.oidc && new OidcProvider(config.oidc, new Uint8Array(sealKey), logger);
  return {
    directory,
    sessions,
    audit,
    throttle: new LoginThrottle(),
    slowedNotes: new RateLimiter({ burst: 1, perSecond: 1 / 60 }),
    oidc,
    sweeps: [sessions.sweep, audit.sweep],
    start: async () => {
      await directory.start();
      sessions.start();
    },
    close: async () => {
      await Promise.all([directory.stop(), sessions.close()]);
      await audit.close();
    },
  };
}
