import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import {
  CONTROL_FEATURES,
  CONTROL_STREAM_PATH,
  CONTROL_STREAM_PROTOCOL,
  type ControlMessage,
  JOIN_PATH,
  JoinRequest,
  ProxyMessage,
  type ProxyResource,
} from "@heddle/contracts";
import { WebSocket, WebSocketServer } from "ws";
import { TestAuthority } from "./test-authority.ts";
import { waitFor } from "./wait-for.ts";

type Push = Extract<ControlMessage, { type: "push" }>;
type Answer = Extract<ProxyMessage, { type: "ack" | "nack" }>;
type OfType<Type extends ProxyMessage["type"]> = Extract<ProxyMessage, { type: Type }>;

const DEADLINE_MS = 10_000;

export type TestControlPlaneOptions = {
  readonly authority?: TestAuthority;
  /** Of workload certificates; the proxy's own live a day. */
  readonly certificateTtlMs?: number;
  /** How old a fresh workload certificate says it is: one past its middle is renewed at once. */
  readonly certificateAgeMs?: number;
  readonly port?: number;
  /** It knows only the first shape of the protocol. */
  readonly isOfOlderVersion?: boolean;
};

/**
 * A control plane for one proxy, of the contract and nothing more: it joins, signs, answers
 * subscriptions from `resources` and pushes what a test says. Ends with the test.
 */
export class TestControlPlane {
  readonly authority: TestAuthority;
  /** All that has come since the start, over all streams. */
  readonly received: ProxyMessage[] = [];
  /** Requests to join, refused ones too. */
  joins = 0;
  port = 0;
  /** What subscriptions are answered from. */
  readonly resources = new Map<string, ProxyResource>();
  readonly #options: TestControlPlaneOptions;
  #server: Server | undefined;
  #stream: WebSocket | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(authority: TestAuthority, options: TestControlPlaneOptions) {
    this.authority = authority;
    this.#options = options;
  }

  static async start(t: TestContext, options: TestControlPlaneOptions = {}) {
    const authority = options.authority ?? (await TestAuthority.create());
    const control = new TestControlPlane(authority, options);
    await control.listen(options.port ?? 0);
    t.after(() => control.stop());
    return control;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get token(): string {
    return `hdl1.test.secret.${this.authority.rootHash}`;
  }

  /** Starts to listen, again after `stop` on the port of before. */
  async listen(port = this.port): Promise<void> {
    const { keyPem, chainPem } = await this.authority.issueServer();
    const server = createServer(
      {
        key: keyPem,
        cert: chainPem,
        ca: this.authority.trustBundlePem,
        minVersion: "TLSv1.3",
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          if (request.url !== JOIN_PATH) {
            response.writeHead(404).end();
            return;
          }
          void this.#join(Buffer.concat(chunks).toString("utf8")).then((answer) =>
            response
              .writeHead(answer.status, { "content-type": "application/json" })
              .end(answer.body),
          );
        });
      },
    );
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    const streams = new WebSocketServer({ server, path: CONTROL_STREAM_PATH });
    streams.on("connection", (socket) => this.#accept(socket));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Is gone, as after `kill -9`: every connection breaks. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Waits for the `count`th message of a type. */
  async message<Type extends ProxyMessage["type"]>(type: Type, count = 1): Promise<OfType<Type>> {
    return waitFor(`message ${count} of type ${type}`, DEADLINE_MS, () => {
      const found = this.received.filter(
        (message): message is OfType<Type> => message.type === type,
      );
      return found[count - 1];
    });
  }

  /** `message`: of the contract, or of another version of it. */
  send(message: ControlMessage | { readonly type: string }): void {
    if (!this.#stream) throw new Error("no proxy has opened a stream");
    this.#stream.send(JSON.stringify(message));
  }

  /** Pushes and waits for the answer. */
  async push(parts: Partial<Push>): Promise<Answer> {
    const nonce = randomUUID();
    for (const resource of parts.upserts ?? []) this.resources.set(resource.key, resource);
    this.send({
      type: "push",
      nonce,
      revision: 1,
      upserts: [],
      removes: [],
      resolutions: [],
      ...parts,
    });
    return waitFor("an answer to the push", DEADLINE_MS, () =>
      this.received.find(
        (message): message is Answer =>
          (message.type === "ack" || message.type === "nack") && message.nonce === nonce,
      ),
    );
  }

  #accept(socket: WebSocket): void {
    this.#stream = socket;
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      if (this.#stream === socket) this.#stream = undefined;
    });
    socket.on("message", (data: Buffer) => {
      const message = ProxyMessage.parse(JSON.parse(data.toString("utf8")));
      this.received.push(message);
      if (message.type === "hello") this.#greet(socket, message);
      else if (message.type === "csr") void this.#certify(socket, message);
      else if (message.type === "subscribe") this.#resolve(socket, message.subscriptions);
    });
  }

  #greet(socket: WebSocket, hello: OfType<"hello">): void {
    this.#sendOn(socket, {
      type: "welcome",
      protocol: CONTROL_STREAM_PROTOCOL,
      trustDomain: this.authority.trustDomain,
      trustBundlePem: this.authority.trustBundlePem,
      outboundTrafficPolicy: "REGISTRY_ONLY",
      leaseMs: 15_000,
      ...(this.#options.isOfOlderVersion === true ? {} : { features: [...CONTROL_FEATURES] }),
    });
    this.#sendOn(socket, {
      type: "push",
      nonce: randomUUID(),
      revision: 1,
      upserts: hello.workloads.map(({ namespace, workload }) => ({
        kind: "workload",
        key: `workload/${namespace}/${workload}`,
        version: "1",
        workload: { namespace, name: workload },
        mtlsMode: "PERMISSIVE",
        revision: 1,
      })),
      removes: [],
      resolutions: [],
    });
    this.#resolve(socket, hello.subscriptions);
  }

  /** A host means the service of its first label in its namespace, if `resources` has that. */
  #resolve(socket: WebSocket, subscriptions: OfType<"subscribe">["subscriptions"]): void {
    const upserts: ProxyResource[] = [];
    const resolutions = subscriptions.map(({ namespace, host }) => {
      const name = host.split(".")[0] ?? host;
      const service = this.resources.get(`service/${namespace}/${name}`);
      const endpoints = this.resources.get(`endpoints/${namespace}/${name}`);
      if (service) upserts.push(service);
      if (endpoints) upserts.push(endpoints);
      return { namespace, host, service: service ? { namespace, name } : null };
    });
    if (resolutions.length === 0) return;
    const nonce = randomUUID();
    this.#sendOn(socket, { type: "push", nonce, revision: 1, upserts, removes: [], resolutions });
  }

  async #certify(socket: WebSocket, { workload, csrPem }: OfType<"csr">): Promise<void> {
    const ttlMs = this.#options.certificateTtlMs ?? 3_600_000;
    const hello = this.received.findLast((message) => message.type === "hello");
    const registered = hello?.workloads.find(
      (one) => one.namespace === workload?.namespace && one.workload === workload.name,
    );
    const chainPem = registered
      ? await this.authority.signWorkload(
          csrPem,
          {
            namespace: registered.namespace,
            workload: registered.workload,
            service: registered.service,
            ...(registered.version === undefined ? {} : { version: registered.version }),
          },
          ttlMs,
          this.#options.certificateAgeMs,
        )
      : await this.authority.signProxy(csrPem, hello?.proxyId ?? "unknown");
    this.#sendOn(socket, {
      type: "certificate",
      workload,
      chainPem,
      trustBundlePem: this.authority.trustBundlePem,
      notAfterMs: Date.now() + ttlMs,
    });
  }

  async #join(body: string): Promise<{ status: number; body: string }> {
    this.joins += 1;
    const { token, csrPem } = JoinRequest.parse(JSON.parse(body));
    if (token !== this.token) {
      return { status: 401, body: JSON.stringify({ detail: "this token is not known" }) };
    }
    return {
      status: 200,
      body: JSON.stringify({
        proxyId: "proxy-1",
        certificatePem: await this.authority.signProxy(csrPem, "proxy-1"),
        trustBundlePem: this.authority.trustBundlePem,
        trustDomain: this.authority.trustDomain,
      }),
    };
  }

  #sendOn(socket: WebSocket, message: ControlMessage): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }
}
