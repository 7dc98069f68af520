import type { Http1Limits } from "@heddle/http1";
import type { Logger } from "@heddle/runtime";
import type { AppPort, HostedWorkload } from "./hosted-workload.ts";
import type { MeshView } from "./mesh-view.ts";
import type { ProtocolMemory } from "./protocol-memory.ts";
import type { TrafficRecorder } from "./traffic-recorder.ts";
import type { TurnedAway } from "./turned-away.ts";

/** A listener of the data path. */
export type Listener = {
  readonly port: number;
  /** Stops accepting, lets requests in flight finish with `Connection: close`, at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
};

/** What `main.ts` gives every listener. Starting rejects with the system's error (`EADDRINUSE`). */
export type ListenerParts = {
  readonly workload: HostedWorkload;
  /** 0: any free one. */
  readonly port: number;
  readonly recorder: TrafficRecorder;
  readonly logger: Logger;
  /** How much one HTTP/1 message may hold, from either side; the codec's own bounds when absent. */
  readonly limits?: Http1Limits;
  /** Where protocols that were found out are kept; absent: each connection is looked at anew. */
  readonly protocols?: ProtocolMemory;
  /** Where callers that were refused for what they are, or would be, are kept; absent: nowhere. */
  readonly turnedAway?: TurnedAway;
  /** Multiplexed connections to each peer; 0: HTTP/1.1 over mTLS alone. */
  readonly muxConnections?: number;
};

/** Binds `workload.bindAddress`; one for each port of the workload's app. */
export type StartInbound = (
  parts: ListenerParts & {
    /** The port it stands for; `undefined`: `workload.appPort`, which speaks HTTP/1. */
    readonly app?: AppPort | undefined;
  },
) => Promise<Listener>;

/** Binds loopback. */
export type StartOutbound = (
  parts: ListenerParts & {
    readonly view: MeshView;
    /** A listener for one destination: every request goes to this host. `undefined`: by the request. */
    readonly host: string | undefined;
    /** Ports this proxy listens on: a request passed on to one of them on this host would run in a loop. */
    readonly ownPorts: ReadonlySet<number>;
    /** No request is taken before, connections wait; at once when absent. */
    readonly mayBegin?: Promise<void>;
  },
) => Promise<Listener>;
