import type { Logger, Principal } from "@heddle/runtime";
import type { ConfigDb } from "@heddle/store";
import type { AccessControl } from "../access/access-control.ts";
import type { AuthorityKeeper } from "../certificates/authority-keeper.ts";
import type { CertificateAuthority } from "../certificates/certificate-authority.ts";
import type { CertificateLedger } from "../certificates/certificate-ledger.ts";
import type { KeySets } from "../jwks/key-sets.ts";
import type { ControlPlaneMetrics } from "../metrics.ts";
import type { GuardKeeper } from "../mtls/guard-keeper.ts";
import type { TurnedAway } from "../mtls/turned-away.ts";
import type { Presence } from "../presence/presence.ts";
import type { PushKeeper } from "../pushes/push-keeper.ts";
import type { PushStage } from "../pushes/push-stage.ts";
import type { RateLimiter } from "../rate-limit.ts";
import type { LeaseHolds } from "../registry/lease-holds.ts";
import type { Observations } from "../registry/observations.ts";
import type { Registry } from "../registry/registry.ts";
import type { RegistryHolds } from "../registry/registry-holds.ts";
import type { RegistrySources } from "../registry/registry-sources.ts";
import type { StartHolds } from "../registry/start-holds.ts";
import type { Deliveries } from "../replicas/deliveries.ts";
import type { ForeignRegistry } from "../replicas/foreign-registry.ts";
import type { Replicas } from "../replicas/replicas.ts";
import type { Reports } from "../replicas/reports.ts";
import type { ServiceUses } from "../replicas/service-uses.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import type { CanaryStarts } from "../rollout/canary-start.ts";
import type { StagedMeshView } from "../snapshot/staged-mesh-view.ts";
import type { SourceKeeper } from "../sources/source-keeper.ts";
import type { StreamHub } from "../stream/hub.ts";
import type { Study } from "../study/study.ts";
import type { TapKeeper } from "../taps/tap-keeper.ts";
import type { ChangeFeed } from "./change-feed.ts";

/** What the routes serve from. */
export type ApiParts = {
  readonly authSecret: string;
  readonly trustDomain: string;
  readonly db: ConfigDb;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly observations: Observations;
  readonly turnedAway: TurnedAway;
  readonly leaseHolds: LeaseHolds;
  readonly startHolds: StartHolds;
  readonly holds: RegistryHolds;
  readonly sources: RegistrySources;
  readonly sourceKeeper: SourceKeeper;
  /** More than this share of a service's endpoints, 0 to 100, is not lost without a yes. */
  readonly maxLossPercent: number;
  readonly guards: GuardKeeper;
  readonly mesh: StagedMeshView;
  readonly hub: StreamHub;
  readonly taps: TapKeeper;
  readonly config: MeshConfig;
  readonly pushes: PushKeeper;
  /** Which proxies run what while a canaried push runs. */
  readonly stage: PushStage;
  readonly study: Study;
  readonly canaryStarts: CanaryStarts;
  readonly feed: ChangeFeed;
  /** Who has what open in the console. */
  readonly presence: Presence;
  readonly keySets: KeySets;
  /** The other control planes over this database, and the tasks only one of them carries out. */
  readonly replicas: Replicas;
  readonly deliveries: Deliveries;
  readonly foreign: ForeignRegistry;
  readonly uses: ServiceUses;
  readonly reports: Reports;
  readonly metrics: ControlPlaneMetrics;
  readonly loginLimiter: RateLimiter;
  readonly access: AccessControl;
  readonly isReady: () => boolean;
  /** Known once the database has been read. */
  readonly authority: () => CertificateAuthority;
  readonly keeper: () => AuthorityKeeper;
  readonly ledger: CertificateLedger;
  /** Ends a proxy's stream; `false`: it has none here. */
  readonly putOut: (proxyId: string, message: string) => boolean;
  readonly controlAddress: () => string;
};

/** What a request carries once it has passed the door. */
export type ApiEnv = {
  Variables: {
    principal: Principal;
    startedAt: number;
    /** What the audit log cannot know by the path alone (audit-acts.ts). */
    audit?: {
      readonly target?: string;
      readonly revision?: number;
      /** It changes nothing: not listed. */
      readonly isQuestion?: boolean;
    };
  };
};
