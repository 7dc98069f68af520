/** A change, as far as it matters for how it is pushed. */
export type PushedChange = {
  /** Somebody waits for it to be over: a rollback, a restore, a bypass, an act of a guard. */
  readonly isUrgent: boolean;
  readonly resources: readonly {
    readonly kind: string;
    readonly name: string;
    /** It holds for the whole mesh or a whole namespace, not for what it names. */
    readonly isSweeping: boolean;
  }[];
  /** Connected proxies that would get something else to run. */
  readonly proxiesConcerned: number;
  readonly proxiesConnected: number;
};

export type PushRisk =
  | { readonly isRisky: false }
  /** `why`: in one sentence. */
  | { readonly isRisky: true; readonly why: string };

/** Fewer proxies are no fleet: trying a change on one of them would tell little and delay all. */
export const LEAST_PROXIES = 8;
const MANY_PROXIES = 50;
const LARGE_SHARE = 0.25;
/** They decide nothing about where a request goes or whether it may. */
const HARMLESS_KINDS: ReadonlySet<string> = new Set(["Telemetry", "WorkloadGroup", "Bypass"]);

/**
 * Whether a change is to reach a few proxies first: it concerns a fleet, and either many of it or by a document that
 * can deny or reroute everything.
 */
export function judgeRisk(change: PushedChange): PushRisk {
  const { isUrgent, resources, proxiesConcerned, proxiesConnected } = change;
  const weighty = resources.filter(({ kind }) => !HARMLESS_KINDS.has(kind));
  if (isUrgent || weighty.length === 0 || proxiesConcerned < LEAST_PROXIES) {
    return { isRisky: false };
  }
  const so = `${proxiesConcerned} of ${proxiesConnected} proxies`;
  const sweeping = weighty.find((one) => one.isSweeping);
  if (sweeping) {
    return {
      isRisky: true,
      why: `${sweeping.kind} ${sweeping.name} can change everything at ${so}.`,
    };
  }
  const isLarge =
    proxiesConcerned >= MANY_PROXIES || proxiesConcerned >= LARGE_SHARE * proxiesConnected;
  return isLarge ? { isRisky: true, why: `It concerns ${so}.` } : { isRisky: false };
}
