import {
  CONTROL_FEATURES,
  CONTROL_STREAM_PROTOCOL,
  type ControlMessage,
  type ProxyMessage,
  type ResourceRefusal,
  TRUST_KEY,
  type WorkloadTally,
} from "@heddle/contracts";
import type { Logger } from "@heddle/runtime";
import type { RawData, WebSocket } from "ws";
import type { CertificateAuthority } from "../certificates/certificate-authority.ts";
import type { CertificateLedger } from "../certificates/certificate-ledger.ts";
import type { ControlPlaneMetrics } from "../metrics.ts";
import type { TurnedAway } from "../mtls/turned-away.ts";
import { workloadKeyOf } from "../registry/instance.ts";
import type { Observations } from "../registry/observations.ts";
import type { Registry } from "../registry/registry.ts";
import type { TouchedServices } from "../registry/registry-table.ts";
import type { Reports } from "../replicas/reports.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import { CertificateDesk } from "./certificate-desk.ts";
import { checkHello } from "./check-hello.ts";
import type { StreamHub } from "./hub.ts";
import { ProxySession } from "./proxy-session.ts";
import { readProxyMessage } from "./read-proxy-message.ts";
import type { StreamRefusal } from "./stream-refusals.ts";

export const LEASE_MS = 15_000;
const HELLO_WAIT_MS = 10_000;
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
const POLICY_VIOLATION = 1008; // RFC 6455 §7.4.1

type Hello = Extract<ProxyMessage, { type: "hello" }>;

export type StreamParts = {
  readonly hub: StreamHub;
  readonly mesh: MeshView;
  /** Which picture of the mesh a proxy is to follow now. */
  readonly pictureOf: (proxyId: string) => MeshView;
  readonly registry: Registry;
  readonly observations: Observations;
  /** What other control planes are told of it. */
  readonly reports: Pick<Reports, "said">;
  readonly turnedAway: TurnedAway;
  readonly authority: CertificateAuthority;
  readonly ledger: CertificateLedger;
  readonly trustDomain: string;
  readonly logger: Logger;
  readonly metrics: ControlPlaneMetrics;
  /** Workloads or proxies came, went or changed state. */
  readonly onRegistryChange: () => void;
  /** What proxies see of endpoints has changed. */
  readonly onObservations: () => void;
  /** A proxy tells how its workloads' requests have ended. */
  readonly onTally: (proxyId: string, workloads: readonly WorkloadTally[]) => void;
  /** A proxy has turned callers away, or would under STRICT. */
  readonly onTurnedAway: (proxyId: string) => void;
};

/** Serves one proxy's WebSocket until it ends. The certificate has already named the proxy. */
export class ProxyConnection {
  readonly #parts: StreamParts;
  readonly #socket: WebSocket;
  readonly #proxyId: string;
  readonly #helloTimer: NodeJS.Timeout;
  readonly #certificates: CertificateDesk;
  #session: ProxySession | undefined;
  #lastSignOfLifeMs = Date.now();
  /** What still comes is nobody's any more: one that was put out must not come back by it. */
  #isOver = false;

  constructor(parts: StreamParts, socket: WebSocket, proxyId: string) {
    this.#parts = parts;
    this.#socket = socket;
    this.#proxyId = proxyId;
    this.#certificates = new CertificateDesk(proxyId, {
      ...parts,
      send: (message) => this.#send(message),
      refuse: (code, message) => this.#refuse(code, message),
    });
    this.#helloTimer = setTimeout(
      () => this.#refuse("HEDDLE_NO_HELLO", `no hello within ${HELLO_WAIT_MS / 1000} s`),
      HELLO_WAIT_MS,
    );
    socket.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on("ping", () => this.#renew());
    socket.on("pong", () => this.#renew());
    socket.on("error", (error) => parts.logger.debug({ err: error, proxyId }, "stream error"));
    socket.on("close", () => this.#onClose());
  }

  get proxyId(): string {
    return this.#proxyId;
  }

  /** Asks for a sign of life; a proxy that has given none for a whole lease is cut off. */
  checkAlive(nowMs: number): void {
    if (nowMs - this.#lastSignOfLifeMs > LEASE_MS) this.#socket.terminate();
    else this.#socket.ping();
  }

  /** Another stream of the same proxy has taken this one's place. */
  replace(): void {
    this.#detach();
    this.#refuse("HEDDLE_STREAM_REPLACED", "the proxy has opened another stream");
  }

  /** The proxy is put out of the mesh. */
  putOut(message: string): void {
    this.#detach();
    this.#refuse("HEDDLE_PROXY_REVOKED", message);
  }

  /** The control plane stops; the proxy will come back. */
  close(): void {
    this.#detach();
    this.#end(1001, "control plane stops");
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#isOver) return; // it has not seen yet that we are closing
    const message = readProxyMessage(data, isBinary);
    if (!message) return this.#refuse("HEDDLE_BAD_MESSAGE", "not a message of the control stream");
    this.#renew();
    if (message === "unknown") return; // of a later version of the proxy
    if (message.type === "hello") return this.#onHello(message);
    const session = this.#session;
    if (!session) return this.#refuse("HEDDLE_NO_HELLO", "the first message must be hello");
    switch (message.type) {
      case "subscribe":
        return this.#onSubscribe(session, message.subscriptions);
      case "unsubscribe":
        session.unsubscribe(message.subscriptions);
        this.#parts.hub.reindex(session);
        void session.publish();
        return;
      case "dumped":
        return session.dumps.answer(message);
      case "csr":
        void this.#certificates.answer(message);
        return;
      case "installed":
        return this.#certificates.noteInstalled(message);
      case "ack":
      case "nack":
        return this.#onAnswer(session, message);
      case "tallied":
        return this.#parts.onTally(this.#proxyId, message.workloads);
      case "observed":
        return this.#onObserved(message);
      case "turned-away":
        return this.#onTurnedAway(message);
      case "health":
        return this.#onHealth(message);
      case "draining":
        return this.#onDraining();
      case "bye":
        return this.#onBye();
    }
  }

  #onHello(hello: Hello): void {
    const { registry, hub, mesh, authority, trustDomain } = this.#parts;
    const proxy = registry.findProxy(this.#proxyId);
    if (!proxy) return this.#refuse("HEDDLE_UNKNOWN_PROXY", "this proxy has not joined this mesh");
    if (this.#session) return this.#refuse("HEDDLE_BAD_MESSAGE", "hello comes once a stream");
    const refusal = checkHello(hello, proxy);
    if (refusal) return this.#refuse(refusal.code, refusal.message);
    clearTimeout(this.#helloTimer);
    const nowMs = Date.now();
    const about = { name: hello.proxyName.slice(0, 128), version: hello.proxyVersion.slice(0, 64) };
    const touched = registry.connect(
      this.#proxyId,
      about,
      hello.workloads,
      nowMs + LEASE_MS,
      nowMs,
    );
    this.#send({
      type: "welcome",
      protocol: CONTROL_STREAM_PROTOCOL,
      trustDomain,
      trustBundlePem: authority.trustBundlePem,
      outboundTrafficPolicy: "ALLOW_ANY",
      leaseMs: LEASE_MS,
      features: [...CONTROL_FEATURES],
    });
    mesh.lostRegistry?.recall(hello.have);
    const session = new ProxySession(
      {
        ...{ mesh, registry },
        send: (message) => this.#send(message),
        picture: () => this.#parts.pictureOf(this.#proxyId),
      },
      hello,
    );
    this.#session = session;
    this.#certificates.greet(hello);
    this.#noteTrust(session);
    hub.add(session);
    this.#publish(touched);
    void session.publish(); // the first push always comes, be it empty: the proxy then knows it is current
    this.#parts.onRegistryChange();
  }

  #onSubscribe(
    session: ProxySession,
    subscriptions: Extract<ProxyMessage, { type: "subscribe" }>["subscriptions"],
  ): void {
    if (!session.subscribe(subscriptions)) {
      return this.#refuse(
        "HEDDLE_TOO_MANY_SUBSCRIPTIONS",
        "more destinations than a proxy may have",
      );
    }
    this.#parts.hub.reindex(session);
    void session.publish();
  }

  #onAnswer(session: ProxySession, message: Extract<ProxyMessage, { type: "ack" | "nack" }>): void {
    const { metrics, logger } = this.#parts;
    if (!session.answer(message)) return;
    this.#noteTrust(session);
    this.#publish(this.#parts.mesh.noteRunning(this.#proxyId, session.takeRunning()));
    const reasons = message.type === "nack" ? [message.reason] : reasonsOf(message.refused);
    if (reasons.length === 0) return;
    metrics.rejects.inc();
    logger.warn({ proxyId: this.#proxyId, reasons }, "refused by proxy");
    this.#parts.onRegistryChange();
  }

  #onObserved(message: Extract<ProxyMessage, { type: "observed" }>): void {
    const { registry, observations, onObservations, reports } = this.#parts;
    reports.said(this.#proxyId, message);
    const hosted = registry.instancesOfProxy(this.#proxyId).map(workloadKeyOf);
    if (observations.replace(this.#proxyId, new Set(hosted), message)) onObservations();
  }

  #onTurnedAway(message: Extract<ProxyMessage, { type: "turned-away" }>): void {
    const { registry, turnedAway, onTurnedAway, reports } = this.#parts;
    const { callers } = message;
    reports.said(this.#proxyId, message);
    const hosted = new Set(registry.instancesOfProxy(this.#proxyId).map(workloadKeyOf));
    if (turnedAway.note(this.#proxyId, hosted, callers, Date.now())) onTurnedAway(this.#proxyId);
  }

  /** The roots the proxy believes, by the trust it runs. What no later version tells, stays as it was. */
  #noteTrust(session: ProxySession): void {
    const { mesh, registry } = this.#parts;
    const version = session.runs(TRUST_KEY);
    const roots = version === undefined ? [] : mesh.trust.rootsOf(version);
    if (roots) registry.noteTrust(this.#proxyId, roots);
  }

  #onHealth({ workloads }: Extract<ProxyMessage, { type: "health" }>): void {
    this.#publish(this.#parts.registry.noteHealth(this.#proxyId, workloads));
    this.#parts.onRegistryChange();
  }

  #onDraining(): void {
    this.#publish(this.#parts.registry.drain(this.#proxyId));
    this.#parts.onRegistryChange();
  }

  #onBye(): void {
    const { registry } = this.#parts;
    const touched = registry.leave(this.#proxyId, Date.now());
    this.#parts.turnedAway.forget(this.#proxyId);
    this.#detach();
    this.#publish(touched);
    this.#end(1000);
    this.#parts.onRegistryChange();
  }

  #onClose(): void {
    clearTimeout(this.#helloTimer);
    if (!this.#session) return;
    this.#detach();
    this.#parts.registry.disconnect(this.#proxyId);
    this.#parts.onRegistryChange();
  }

  #detach(): void {
    clearTimeout(this.#helloTimer);
    const session = this.#session;
    this.#session = undefined;
    if (!session) return;
    this.#parts.hub.remove(session);
    if (this.#parts.observations.forget(this.#proxyId)) this.#parts.onObservations();
  }

  #publish(touched: TouchedServices): void {
    this.#parts.hub.publishEndpoints(touched);
  }

  #renew(): void {
    const nowMs = Date.now();
    this.#lastSignOfLifeMs = nowMs;
    if (this.#session) this.#parts.registry.renew(this.#proxyId, nowMs + LEASE_MS, nowMs);
  }

  #send(message: ControlMessage): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) return this.#socket.terminate();
    if (message.type === "push") this.#parts.metrics.pushes.inc();
    this.#socket.send(JSON.stringify(message));
  }

  #refuse(code: StreamRefusal, message: string): void {
    this.#parts.logger.warn({ proxyId: this.#proxyId, code }, message);
    this.#send({ type: "refused", code, message });
    this.#end(POLICY_VIOLATION, code);
  }

  #end(code: number, why?: string): void {
    this.#isOver = true;
    this.#socket.close(code, why);
  }
}

function reasonsOf(refused: readonly ResourceRefusal[] = []): string[] {
  return refused.slice(0, 10).map(({ key, reason }) => `${key}: ${reason}`);
}
