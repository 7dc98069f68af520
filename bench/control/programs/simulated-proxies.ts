/**
 * Many proxies in one process, of the control stream alone: each joins with a key of its own, holds a real TLS
 * WebSocket, and acks what it is sent. Told what to do by IPC; answers with times on the clock all processes share.
 */
import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { webcrypto } from "node:crypto";
import { request } from "node:https";
import {
  CONTROL_STREAM_PATH,
  CONTROL_STREAM_PROTOCOL,
  type ControlMessage,
  JOIN_PATH,
  JoinResponse,
  PROXY_FEATURES,
  type ProxyMessage,
} from "@heddle/contracts";
import { PemConverter, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { WebSocket } from "ws";
import type { Answer, Order, SimulatedProxy } from "../fleet-messages.ts";

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const JOINS_AT_ONCE = 4;
/** Each process calls from an address of its own: one address may join only so fast. */
const sharedNowMs = () => performance.timeOrigin + performance.now();

class Proxy {
  readonly #about: SimulatedProxy;
  readonly #order: Extract<Order, { type: "join" }>;
  #joined: (JoinResponse & { keyPem: string }) | undefined;
  #socket: WebSocket | undefined;
  readonly #have = new Map<string, string>();
  firstAckAtMs = 0;
  pushes = 0;

  constructor(about: SimulatedProxy, order: Extract<Order, { type: "join" }>) {
    this.#about = about;
    this.#order = order;
  }

  get name(): string {
    return this.#about.name;
  }

  get isSettled(): boolean {
    return this.#about.destinations.every((one) => this.#have.has(`endpoints/bench/${one}`));
  }

  async join(): Promise<void> {
    const { csrPem, keyPem } = await makeCsr();
    const { token } = this.#order;
    const body = JSON.stringify({ token, csrPem, proxyName: this.#about.name });
    this.#joined = { ...JoinResponse.parse(JSON.parse(await this.#post(body))), keyPem };
  }

  #post(body: string): Promise<string> {
    const { port, localAddress, rootPem } = this.#order;
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: "127.0.0.1", port, path: JOIN_PATH, method: "POST", ca: rootPem, localAddress },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            if (response.statusCode === 200) resolve(text);
            else reject(new Error(`join answered ${response.statusCode}: ${text}`));
          });
        },
      );
      sent.once("error", reject);
      sent.end(body);
    });
  }

  open(onPush: (proxy: Proxy, keys: readonly string[]) => void): void {
    const joined = this.#joined;
    if (joined === undefined) throw new Error(`${this.name} has not joined`);
    const { port, localAddress } = this.#order;
    const socket = new WebSocket(`wss://127.0.0.1:${port}${CONTROL_STREAM_PATH}`, {
      ca: joined.trustBundlePem,
      cert: joined.certificatePem,
      key: joined.keyPem,
      localAddress,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.on("open", () => this.#greet(joined.proxyId));
    socket.on("error", (error) =>
      tell({ type: "failed", reason: `${this.name}: ${error.message}` }),
    );
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString("utf8")) as ControlMessage;
      if (message.type === "refused") tell({ type: "failed", reason: message.message });
      if (message.type === "push") this.#apply(message, onPush);
    });
  }

  #greet(proxyId: string): void {
    const { workload, service, destinations } = this.#about;
    this.#send({
      type: "hello",
      protocol: CONTROL_STREAM_PROTOCOL,
      proxyId,
      proxyName: this.#about.name,
      proxyVersion: "0.1.0",
      workloads: [
        {
          namespace: "bench",
          workload,
          service,
          version: "v1",
          labels: { app: service, version: "v1" },
          instanceId: `${proxyId}/bench/${workload}`,
          address: "127.0.0.1",
          inboundPort: 15_006,
          appPort: 8080,
          protocol: "http",
        },
      ],
      subscriptions: destinations.map((host) => ({ namespace: "bench", host })),
      have: [...this.#have].map(([key, version]) => ({ key, version })),
      features: [...PROXY_FEATURES],
    });
  }

  #apply(
    push: Extract<ControlMessage, { type: "push" }>,
    onPush: (proxy: Proxy, keys: readonly string[]) => void,
  ): void {
    for (const { key, version } of push.upserts) this.#have.set(key, version);
    for (const key of push.removes) this.#have.delete(key);
    const { nonce } = push;
    this.#send({ type: "ack", nonce, appliedAtMs: Date.now(), lastSends: [] });
    this.pushes += 1;
    if (this.firstAckAtMs === 0) this.firstAckAtMs = sharedNowMs();
    onPush(
      this,
      push.upserts.map(({ key }) => key),
    );
  }

  bye(): void {
    this.#send({ type: "bye" });
    this.#have.clear();
    this.#socket?.close();
  }

  #send(message: ProxyMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }
}

const fleet: Proxy[] = [];
/** When each push brought a key, since the last `mark`. */
let seen: { readonly key: string; readonly atMs: number }[] = [];
let settledAtMs = 0;
let isOpening = false;
let lastPushAtMs = 0;

function onPush(_: Proxy, keys: readonly string[]): void {
  lastPushAtMs = sharedNowMs();
  for (const key of keys) seen.push({ key, atMs: lastPushAtMs });
  if (!isOpening || !fleet.every((one) => one.isSettled && one.firstAckAtMs > 0)) return;
  isOpening = false;
  settledAtMs = lastPushAtMs;
  const firstAckAtMs = Math.max(...fleet.map((one) => one.firstAckAtMs));
  tell({ type: "settled", firstAckAtMs, settledAtMs });
}

async function obey(order: Order): Promise<void> {
  switch (order.type) {
    case "join": {
      const wanted = order.proxies.map((about) => new Proxy(about, order));
      fleet.push(...wanted);
      const left = [...wanted];
      const joinAll = async () => {
        for (let next = left.pop(); next !== undefined; next = left.pop()) await next.join();
      };
      await Promise.all(Array.from({ length: JOINS_AT_ONCE }, joinAll));
      return tell({ type: "joined" });
    }
    case "open":
      isOpening = true;
      for (const proxy of fleet) proxy.open(onPush);
      return;
    case "appear":
      return fleet.find(({ name }) => name === order.name)?.open(onPush);
    case "leave":
      return fleet.find(({ name }) => name === order.name)?.bye();
    case "mark":
      seen = [];
      return tell({ type: "marked" });
    case "report": {
      const atMs = seen.filter(({ key }) => key === order.key).map((one) => one.atMs);
      const pushes = fleet.reduce((sum, proxy) => sum + proxy.pushes, 0);
      return tell({ type: "report", atMs, lastPushAtMs, pushes });
    }
  }
}

async function makeCsr(): Promise<{ csrPem: string; keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: "CN=simulated",
    keys,
    signingAlgorithm: ECDSA_P256,
  });
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { csrPem: csr.toString("pem"), keyPem: PemConverter.encode(pkcs8, "PRIVATE KEY") };
}

function tell(answer: Answer): void {
  process.send?.(answer);
}

process.on("message", (order: Order) => {
  obey(order).catch((error: unknown) => {
    tell({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
  });
});
process.once("disconnect", () => process.exit(0));
