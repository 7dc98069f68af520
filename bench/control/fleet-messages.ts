/** A proxy of the control stream alone: what it hosts and where it calls, all in the namespace `bench`. */
export type SimulatedProxy = {
  readonly name: string;
  readonly workload: string;
  readonly service: string;
  readonly destinations: readonly string[];
};

/** From the run to a process of simulated proxies. */
export type Order =
  | {
      readonly type: "join";
      readonly port: number;
      readonly token: string;
      readonly rootPem: string;
      readonly localAddress: string;
      readonly proxies: readonly SimulatedProxy[];
    }
  /** Opens every stream at once. */
  | { readonly type: "open" }
  /** One proxy opens its stream, or says goodbye. */
  | { readonly type: "appear" | "leave"; readonly name: string }
  /** Forgets what was seen. */
  | { readonly type: "mark" }
  /** Asks when a resource came. */
  | { readonly type: "report"; readonly key: string };

/** Times are epoch ms with fractions. */
export type Answer =
  | { readonly type: "joined" | "marked" }
  /** The last of them had acked its first push, and had all its destinations. */
  | { readonly type: "settled"; readonly firstAckAtMs: number; readonly settledAtMs: number }
  | {
      readonly type: "report";
      readonly atMs: readonly number[];
      readonly lastPushAtMs: number;
      readonly pushes: number;
    }
  | { readonly type: "failed"; readonly reason: string };
