import type { IdentityAlarm } from "@heddle/contracts";
import type { CertificateCounts } from "@heddle/store";
import type { KnownAuthorities, KnownAuthority } from "./known-authorities.ts";

const DAY_MS = 86_400_000;

/** How long before an end somebody is told, and told again with more weight. */
const BEFORE_END = {
  root: { warningMs: 365 * DAY_MS, criticalMs: 30 * DAY_MS },
  intermediate: { warningMs: 30 * DAY_MS, criticalMs: 7 * DAY_MS },
} as const;
/** A short life is not one long alarm: at most its last fifth, and its last twentieth, is one. */
const WARNING_SHARE = 0.2;
const CRITICAL_SHARE = 0.05;
const WAITS_MS = 3_600_000;

export type AlarmFacts = {
  readonly known: KnownAuthorities;
  readonly counts: CertificateCounts;
  readonly foreignRoots: readonly {
    readonly trustDomain: string;
    readonly subject: string;
    readonly notAfterMs: number;
  }[];
  /** What the rotation under way waits for, in words; `undefined`: for nobody. */
  readonly waitsFor: string | undefined;
};

/** Everything about certificates that wants a human, the worst first. */
export function findAlarms(facts: AlarmFacts, nowMs: number): IdentityAlarm[] {
  const { known, counts } = facts;
  const alarms = [
    ...known.all.flatMap((one) => authorityAlarm(known, one, nowMs) ?? []),
    ...facts.foreignRoots.flatMap((root) => foreignAlarm(root, nowMs) ?? []),
  ];
  if (counts.overdue > 0) {
    alarms.push({
      severity: "warning",
      code: "renewal-overdue",
      message: `${counts.overdue} of ${counts.inUse} certificates in use should have been renewed by their proxies`,
      advice: "see which proxies are not connected: heddle proxies",
    });
  }
  const { rotation } = known;
  if (rotation && facts.waitsFor !== undefined && nowMs - rotation.stepSinceMs > WAITS_MS) {
    alarms.push({
      severity: "warning",
      code: "rotation-waits",
      message: `the rotation of the ${rotation.of} has not moved for ${lasts(nowMs - rotation.stepSinceMs)}: ${facts.waitsFor}`,
      advice:
        "bring those proxies back, wait until their certificates end, or heddle ca rotate --force",
      atMs: rotation.stepSinceMs,
    });
  }
  return alarms.sort((a, b) => rank(a) - rank(b) || (a.atMs ?? 0) - (b.atMs ?? 0));
}

function authorityAlarm(
  known: KnownAuthorities,
  authority: KnownAuthority,
  nowMs: number,
): IdentityAlarm | undefined {
  const isRoot = authority.parentId === undefined;
  // what leaves by itself, or has left, warns of nothing
  const isNeeded = isRoot
    ? authority.id === known.signer?.parentId
    : authority.isSigning && authority.retiredAtMs === undefined;
  if (!isNeeded) return undefined;
  const what = isRoot ? "root" : "signing intermediate";
  const { notBeforeMs, notAfterMs } = authority;
  const restMs = notAfterMs - nowMs;
  const lifeMs = notAfterMs - notBeforeMs;
  const { warningMs, criticalMs } = BEFORE_END[isRoot ? "root" : "intermediate"];
  const at = { atMs: notAfterMs };
  if (restMs <= 0) {
    return {
      severity: "critical",
      code: "authority-expired",
      message: `the ${what} ended ${lasts(-restMs)} ago: nothing it has signed is believed`,
      advice: "heddle ca rescue, then new join tokens for proxies that are not connected",
      ...at,
    };
  }
  const isCritical = restMs < Math.min(criticalMs, lifeMs * CRITICAL_SHARE);
  if (!isCritical && restMs >= Math.min(warningMs, lifeMs * WARNING_SHARE)) return undefined;
  return {
    severity: isCritical ? "critical" : "warning",
    code: isRoot ? "root-expires" : "intermediate-expires",
    message: `the ${what} ends in ${lasts(restMs)}, on ${new Date(notAfterMs).toISOString()}`,
    advice: authority.isFromFiles
      ? "give another one by HEDDLE_CA_CERT_FILE, HEDDLE_CA_KEY_FILE and HEDDLE_CA_ROOT_FILE"
      : `heddle ca rotate --of ${isRoot ? "root" : "intermediate"}`,
    ...at,
  };
}

function foreignAlarm(
  { trustDomain, subject, notAfterMs }: AlarmFacts["foreignRoots"][number],
  nowMs: number,
): IdentityAlarm | undefined {
  const restMs = notAfterMs - nowMs;
  if (restMs >= BEFORE_END.root.criticalMs) return undefined;
  const when = restMs <= 0 ? `ended ${lasts(-restMs)} ago` : `ends in ${lasts(restMs)}`;
  return {
    severity: restMs <= 0 ? "critical" : "warning",
    code: "foreign-root-expires",
    message: `the root ${subject} of the trust domain ${trustDomain} ${when}`,
    advice: "put its successor beside it into MeshConfig.caCertificates",
    atMs: notAfterMs,
  };
}

function rank({ severity }: IdentityAlarm): number {
  return severity === "critical" ? 0 : 1;
}

/** `3 days`, `5 h`, `12 min`, `40 s`. */
function lasts(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
