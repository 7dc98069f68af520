import {
  CONTROL_STREAM_PATH,
  type ControlMessage,
  type ProxyMessage,
  type ResourceRefusal,
} from "@heddle/contracts/control-stream";
import type { Logger } from "@heddle/runtime";
import { WebSocket } from "ws";
import { splitPem } from "../identity/certificate-chain.ts";
import type { HeldIdentity } from "../identity/held-identity.ts";
import { retryDelayMs } from "./backoff.ts";
import { serverChecks } from "./control-plane-address.ts";
import type { ControlPlanes } from "./control-planes.ts";
import { type Push, readMessage } from "./read-message.ts";

const HANDSHAKE_DEADLINE_MS = 5_000;
const WELCOME_DEADLINE_MS = 10_000;
const DEFAULT_LEASE_MS = 15_000;
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const MAX_UNSENT_BYTES = 8 * 1024 * 1024;
/** A proxy that was refused or turned away waits its turn, and does not knock fast again. */
const REFUSED_ATTEMPT = 6;

/** OpenSSL's words for a server whose chain does not lead to a root that is known here, or to one that has ended. */
const UNKNOWN_ROOT: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "CERT_SIGNATURE_FAILURE",
  "CERT_HAS_EXPIRED",
]);

type Welcome = Extract<ControlMessage, { type: "welcome" }>;

export type StreamHandlers = {
  readonly hello: () => Extract<ProxyMessage, { type: "hello" }>;
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onMessage: (
    message: Exclude<ControlMessage, { type: "welcome" | "refused" | "push" }>,
  ) => void;
  /** `refused`: resources of the push that could not be read. */
  readonly onPush: (push: Push, refused: readonly ResourceRefusal[]) => void;
  /** A request of ours was refused; where the stream cannot go on, the control plane closes it. */
  readonly onRefused: (reason: string) => void;
  /** Whoever answered could not show a root that is believed here. */
  readonly onUnknownRoot: () => void;
  /** Before each try: makes the proxy's own certificate valid (joins, if need be). */
  readonly prepare: () => Promise<void>;
};

/**
 * The control stream, kept open to one control plane or, when that does not answer, the next:
 *
 *   WAITING → CONNECTING (delay over)    CONNECTING → GREETING (open) | WAITING (error)
 *   GREETING → LIVE (welcome) | WAITING (refused, 10 s, error)    LIVE → WAITING (closed, silent)
 *   every state → STOPPED (stop)
 */
export class ControlStream {
  readonly #controlPlanes: ControlPlanes;
  readonly #identity: HeldIdentity;
  readonly #handlers: StreamHandlers;
  readonly #logger: Logger;
  readonly #draw: () => number;
  #state: "waiting" | "connecting" | "greeting" | "live" | "stopped" = "waiting";
  #socket: WebSocket | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #lastFailure: string | undefined;

  constructor(parts: {
    readonly controlPlanes: ControlPlanes;
    readonly identity: HeldIdentity;
    readonly handlers: StreamHandlers;
    readonly logger: Logger;
    readonly draw: () => number;
  }) {
    this.#controlPlanes = parts.controlPlanes;
    this.#identity = parts.identity;
    this.#handlers = parts.handlers;
    this.#logger = parts.logger;
    this.#draw = parts.draw;
  }

  get isLive(): boolean {
    return this.#state === "live";
  }

  get status() {
    return { state: this.#state, lastFailure: this.#lastFailure };
  }

  start(): void {
    void this.#connect();
  }

  /** False: there is no stream now; `hello` will tell it all again. */
  send(message: ProxyMessage): boolean {
    const socket = this.#socket;
    if (this.#state !== "live" || !socket || socket.bufferedAmount > MAX_UNSENT_BYTES) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  /** Says goodbye, so that the workloads leave the registry at once, and ends. */
  async stop(): Promise<void> {
    const socket = this.#socket;
    const wasLive = this.#state === "live";
    this.#state = "stopped";
    clearTimeout(this.#retryTimer);
    if (!socket) return;
    if (!wasLive) return socket.terminate();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.send(JSON.stringify({ type: "bye" } satisfies ProxyMessage));
    socket.close(1000, "bye");
    const impatience = setTimeout(() => socket.terminate(), 1_000);
    await closed;
    clearTimeout(impatience);
  }

  async #connect(): Promise<void> {
    this.#state = "connecting";
    try {
      await this.#handlers.prepare();
    } catch (error) {
      this.#retry((error as Error).message);
      return;
    }
    if (this.#isStopped()) return;
    const material = this.#identity.material;
    if (!material) return this.#retry("the proxy has no certificate of its own yet");
    const { host, port } = this.#controlPlanes.current;
    const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const socket = new WebSocket(`wss://${authority}${CONTROL_STREAM_PATH}`, {
      ...serverChecks(host, splitPem(material.trustBundlePem)),
      key: material.keyPem,
      cert: material.chainPem,
      handshakeTimeout: HANDSHAKE_DEADLINE_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    });
    this.#socket = socket;
    this.#watch(socket);
  }

  #watch(socket: WebSocket): void {
    let failure = "the control plane closed the stream";
    const liveness = new Liveness(socket, () => {
      failure = "the control plane has fallen silent";
      socket.terminate();
    });
    socket.on("open", () => {
      this.#state = "greeting";
      socket.send(JSON.stringify(this.#handlers.hello()));
      liveness.expectWelcome();
    });
    socket.on("message", (data: Buffer) => {
      liveness.heard();
      const message = this.#read(data);
      if (!message || this.#isStopped()) return;
      if (message.type === "welcome") this.#welcomed(message, liveness);
      else if (message.type === "refused") {
        const reason = `${message.message} [${message.code}]`;
        failure = `refused: ${reason}`;
        this.#attempt = Math.max(this.#attempt, REFUSED_ATTEMPT * this.#controlPlanes.size);
        if (this.#state === "live") this.#handlers.onRefused(reason);
        else socket.close();
      } else this.#handlers.onMessage(message);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      failure = error.message;
      if (UNKNOWN_ROOT.has(error.code ?? "")) this.#handlers.onUnknownRoot();
    });
    socket.on("close", (_code, reason) => {
      liveness.end();
      if (reason.length > 0) failure = reason.toString("utf8");
      this.#socket = undefined;
      this.#retry(failure);
    });
  }

  #welcomed(welcome: Welcome, liveness: Liveness): void {
    this.#state = "live";
    this.#attempt = 0;
    this.#lastFailure = undefined;
    liveness.live(welcome.leaseMs);
    this.#logger.info({ leaseMs: welcome.leaseMs }, "the control stream is open");
    this.#handlers.onWelcome(welcome);
  }

  /** Pushes are handed on from here; what does not fit the protocol is answered if it is one. */
  #read(data: Buffer): Exclude<ControlMessage, Push> | undefined {
    const read = readMessage(data.toString("utf8"));
    if (read.kind === "message") return read.message;
    if (read.kind === "push") {
      if (!this.#isStopped()) this.#handlers.onPush(read.push, read.refused);
    } else if (read.kind === "unknown") {
      this.#logger.debug({ type: read.type }, "passed over a message of a later version");
    } else {
      const { reason, nonce } = read;
      this.#logger.error(
        { reason },
        "the control plane sent a message this proxy does not understand",
      );
      if (nonce !== undefined) this.send({ type: "nack", nonce, reason });
    }
    return undefined;
  }

  #retry(failure: string): void {
    if (this.#isStopped()) return;
    this.#state = "waiting";
    if (failure !== this.#lastFailure) {
      this.#logger.warn(
        { reason: failure },
        "no control stream; serving what is known, trying again",
      );
    }
    this.#lastFailure = failure;
    this.#controlPlanes.next();
    const round = Math.floor(this.#attempt++ / this.#controlPlanes.size);
    const delayMs = retryDelayMs(round, this.#draw());
    this.#retryTimer = setTimeout(() => void this.#connect(), delayMs);
  }

  #isStopped(): boolean {
    return this.#state === "stopped";
  }
}

/** Pings at a third of the lease; two thirds without any sign of life end the stream. */
class Liveness {
  readonly #socket: WebSocket;
  readonly #onSilence: () => void;
  #timer: NodeJS.Timeout | undefined;
  #heardAt = performance.now();

  constructor(socket: WebSocket, onSilence: () => void) {
    this.#socket = socket;
    this.#onSilence = onSilence;
    socket.on("pong", () => this.heard());
    socket.on("ping", () => this.heard());
  }

  heard(): void {
    this.#heardAt = performance.now();
  }

  expectWelcome(): void {
    this.#timer = setTimeout(this.#onSilence, WELCOME_DEADLINE_MS);
  }

  live(leaseMs: number): void {
    this.end();
    const intervalMs = (leaseMs > 0 ? leaseMs : DEFAULT_LEASE_MS) / 3;
    this.#timer = setInterval(() => {
      if (performance.now() - this.#heardAt > 2 * intervalMs) this.#onSilence();
      else this.#socket.ping();
    }, intervalMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
