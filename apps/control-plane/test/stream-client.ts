import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { createHash, webcrypto, X509Certificate } from "node:crypto";
import { request } from "node:https";
import type { TestContext } from "node:test";
import { type ConnectionOptions, checkServerIdentity, connect, type TLSSocket } from "node:tls";
import {
  CONTROL_STREAM_PATH,
  CONTROL_STREAM_PROTOCOL,
  ControlMessage,
  JOIN_PATH,
  type JoinResponse,
  type Problem,
  type ProxyMessage,
  type ResourceRefusal,
  serverNameOfRoot,
  type WorkloadRegistration,
} from "@heddle/contracts";
import { DeadlineError } from "@heddle/testkit";
import { PemConverter, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { WebSocket } from "ws";

type Of<Type extends ControlMessage["type"]> = Extract<ControlMessage, { type: Type }>;
type Hello = Extract<ProxyMessage, { type: "hello" }>;

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A key and a request for its certificate, as a proxy makes them. */
export async function makeCsr(name = "CN=asks-for-anything") {
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: ECDSA_P256,
  });
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { csrPem: csr.toString("pem"), keyPem: PemConverter.encode(pkcs8, "PRIVATE KEY") };
}

/** The root that the listener shows, as a proxy with nothing but a join token learns it; `pin`: asked for by it. */
export async function fetchRoot(
  port: number,
  pin?: string,
): Promise<{ pem: string; hash: string }> {
  const servername =
    pin === undefined ? "" : serverNameOfRoot(Buffer.from(pin, "base64url").toString("hex"));
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const opened = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false }, () =>
      resolve(opened),
    );
    opened.once("error", reject);
  });
  let certificate = socket.getPeerCertificate(true);
  while (certificate.issuerCertificate.fingerprint256 !== certificate.fingerprint256) {
    certificate = certificate.issuerCertificate;
  }
  const { raw } = certificate;
  socket.destroy();
  return {
    pem: new X509Certificate(raw).toString(),
    hash: createHash("sha256").update(raw).digest("base64url"),
  };
}

export async function postJoin(
  port: number,
  body: unknown,
): Promise<{ status: number; body: JoinResponse & Problem }> {
  const root = await fetchRoot(port);
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path: JOIN_PATH, method: "POST", ca: root.pem, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
        });
      },
    );
    sent.once("error", reject);
    sent.end(typeof body === "string" ? body : JSON.stringify(body));
  });
}

/** What a proxy keeps on its disk once it has joined. */
export type Joined = {
  readonly proxyId: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly rootPem: string;
};

export async function join(port: number, token: string, proxyName = "host-a"): Promise<Joined> {
  const { csrPem, keyPem } = await makeCsr();
  const { status, body } = await postJoin(port, { token, csrPem, proxyName });
  if (status !== 200) throw new Error(`join answered ${status}: ${body.code} ${body.detail}`);
  return {
    proxyId: body.proxyId,
    certPem: body.certificatePem,
    keyPem,
    rootPem: body.trustBundlePem,
  };
}

export function registration(
  proxyId: string,
  workload: string,
  more: Partial<WorkloadRegistration> = {},
): WorkloadRegistration {
  const [service = "", version] = workload.split("-");
  return {
    namespace: "shop",
    workload,
    service,
    ...(version === undefined ? {} : { version }),
    labels: { app: service, ...(version === undefined ? {} : { version }) },
    instanceId: `${proxyId}/shop/${workload}`,
    address: "127.0.0.1",
    inboundPort: 15_006,
    appPort: 9000,
    protocol: "http",
    ...more,
  };
}

/** One proxy's end of the control stream: a real WebSocket over mTLS that keeps what it is sent. */
export class StreamClient {
  readonly received: ControlMessage[] = [];
  readonly joined: Joined;
  closeCode: number | undefined;
  /** Sees every message as it comes. */
  onMessage: (message: ControlMessage) => void = () => {};
  /** What an ack reports; set by the test. */
  lastSends: Extract<ProxyMessage, { type: "ack" }>["lastSends"] = [];
  /** Keys of resources that are refused while the rest of a push is acked. */
  readonly refuses = new Set<string>();
  /** How pushes are answered: acked at once, refused, or left to the test. */
  answer: "ack" | "nack" | "none" = "ack";
  readonly versions = new Map<string, string>();
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();
  #seen = 0;

  private constructor(joined: Joined, socket: WebSocket) {
    this.joined = joined;
    this.#socket = socket;
    socket.on("message", (data: Buffer) =>
      this.#take(ControlMessage.parse(JSON.parse(data.toString("utf8")))),
    );
    socket.on("close", (code) => {
      this.closeCode = code;
      this.#wake();
    });
    socket.on("error", () => this.#wake());
  }

  /** `servername`: asks for the chain of a root (`serverNameOfRoot`). */
  static async open(
    t: TestContext,
    port: number,
    joined: Joined,
    hello: Partial<Hello> = {},
    servername = "",
  ): Promise<StreamClient> {
    const byRoot: ConnectionOptions = {
      servername,
      checkServerIdentity: (_, certificate) => checkServerIdentity("127.0.0.1", certificate),
    };
    const socket = new WebSocket(`wss://127.0.0.1:${port}${CONTROL_STREAM_PATH}`, {
      ca: joined.rootPem,
      cert: joined.certPem,
      key: joined.keyPem,
      ...byRoot,
    });
    const client = new StreamClient(joined, socket);
    t.after(() => socket.terminate());
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    client.send({
      type: "hello",
      protocol: CONTROL_STREAM_PROTOCOL,
      proxyId: joined.proxyId,
      proxyName: "host-a",
      proxyVersion: "0.1.0",
      workloads: [],
      subscriptions: [],
      have: [],
      ...hello,
    });
    return client;
  }

  /** `message`: of the contract, or of another version of it. */
  send(message: ProxyMessage | { readonly type: string }): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The next message of that type not yet asked for, within 5 s. */
  async next<Type extends ControlMessage["type"]>(
    type: Type,
    matches: (message: Of<Type>) => boolean = () => true,
  ): Promise<Of<Type>> {
    const deadline = Date.now() + 5000;
    for (;;) {
      while (this.#seen < this.received.length) {
        const message = this.received[this.#seen];
        this.#seen += 1;
        if (message?.type === type && matches(message as Of<Type>)) return message as Of<Type>;
      }
      if (Date.now() > deadline || this.closeCode !== undefined) {
        const received = this.received.map((message) => message.type);
        throw new DeadlineError(`a ${type}`, 5000, { received, closeCode: this.closeCode });
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 5000);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async closed(): Promise<number> {
    if (this.closeCode !== undefined) return this.closeCode;
    return new Promise((resolve) => this.#socket.once("close", resolve));
  }

  close(): void {
    this.#socket.close();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  have(): Hello["have"] {
    return [...this.versions].map(([key, version]) => ({ key, version }));
  }

  ack(nonce: string, refused: ResourceRefusal[] = []): void {
    const { lastSends } = this;
    const told = refused.length === 0 ? {} : { refused };
    this.send({ type: "ack", nonce, appliedAtMs: Date.now(), lastSends, ...told });
  }

  #take(message: ControlMessage): void {
    this.received.push(message);
    this.onMessage(message);
    if (message.type === "push") {
      if (this.answer === "ack") {
        const refused = message.upserts.filter(({ key }) => this.refuses.has(key));
        for (const { key, version } of message.upserts) {
          if (!this.refuses.has(key)) this.versions.set(key, version);
        }
        for (const key of message.removes) this.versions.delete(key);
        const reason = "cannot run it";
        this.ack(
          message.nonce,
          refused.map(({ key, version }) => ({ key, version, reason })),
        );
      } else if (this.answer === "nack") {
        this.send({ type: "nack", nonce: message.nonce, reason: "no room for it" });
      }
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
