import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import type { TestContext } from "node:test";
import {
  type ControlMessage,
  serverNameOfRoot,
  TRUST_KEY,
  type TrustResource,
} from "@heddle/contracts";
import { splitPem } from "../src/snapshot/mesh-trust.ts";
import { type Joined, join, makeCsr, registration, StreamClient } from "./stream-client.ts";

type Certificate = Extract<ControlMessage, { type: "certificate" }>;

/**
 * A proxy's end as a rotation sees it: it believes what it is told, renews when asked (while `renews`), and says
 * what it uses.
 */
export class RotatingProxy {
  readonly proxyId: string;
  readonly workload: string;
  client: StreamClient;
  /** By workload, PEM chains; "": its own. */
  readonly held = new Map<string, string>();
  believedPem: string;
  renews = true;
  readonly #t: TestContext;
  #own: Joined;
  readonly #pending = new Map<string, string>();

  private constructor(t: TestContext, own: Joined, workload: string, client: StreamClient) {
    this.#t = t;
    this.#own = own;
    this.proxyId = own.proxyId;
    this.workload = workload;
    this.client = client;
    this.believedPem = own.rootPem;
    this.held.set("", own.certPem);
  }

  static async join(
    t: TestContext,
    port: number,
    token: string,
    workload: string,
  ): Promise<RotatingProxy> {
    const own = await join(port, token, `host-of-${workload}`);
    const client = await RotatingProxy.#open(t, port, own, workload, []);
    const proxy = new RotatingProxy(t, own, workload, client);
    proxy.#listen();
    await proxy.#ask("");
    await proxy.#ask(workload);
    return proxy;
  }

  /** Opens the stream again, with what it has. */
  async reconnect(port: number): Promise<void> {
    const joined = { ...this.#own, rootPem: this.believedPem };
    this.client = await RotatingProxy.#open(
      this.#t,
      port,
      joined,
      this.workload,
      this.#certificates(),
    );
    this.#listen();
    if (!this.held.has(this.workload)) await this.#ask(this.workload);
  }

  /** The serial numbers of the roots it believes. */
  get believedRoots(): string[] {
    return splitPem(this.believedPem).map((pem) => new X509Certificate(pem).serialNumber);
  }

  /** Whether another proxy, believing what it does, takes what this one shows now. */
  isBelievedBy(other: RotatingProxy): boolean {
    return [...this.held.values()].every((chainPem) => isUnder(chainPem, other.believedPem));
  }

  static async #open(
    t: TestContext,
    port: number,
    joined: Joined,
    workload: string,
    certificates: { workload: { namespace: string; name: string } | null; serialNumber: string }[],
  ): Promise<StreamClient> {
    const [root = ""] = splitPem(joined.rootPem);
    const hash = createHash("sha256").update(new X509Certificate(root).raw).digest("hex");
    return StreamClient.open(
      t,
      port,
      joined,
      {
        proxyName: `host-of-${workload}`,
        workloads: [registration(joined.proxyId, workload)],
        certificates,
      },
      serverNameOfRoot(hash),
    );
  }

  #certificates() {
    return [...this.held].map(([name, pem]) => ({
      workload: name === "" ? null : { namespace: "shop", name },
      serialNumber: new X509Certificate(pem).serialNumber.toLowerCase(),
    }));
  }

  #listen(): void {
    const { client } = this;
    client.onMessage = (message) => {
      if (message.type === "certificate") this.#install(message);
      if (message.type === "renew" && this.renews) {
        const asked = message.workload === null ? ["", this.workload] : [message.workload.name];
        for (const name of asked) void this.#ask(name);
      }
      if (message.type === "push") {
        const trust = message.upserts.find(({ key }) => key === TRUST_KEY) as
          | TrustResource
          | undefined;
        if (trust) this.believedPem = trust.bundles[0]?.pem ?? "";
      }
    };
    for (const message of client.received) client.onMessage(message);
  }

  async #ask(name: string): Promise<void> {
    const { csrPem, keyPem } = await makeCsr();
    this.#pending.set(name, keyPem);
    const workload = name === "" ? null : { namespace: "shop", name };
    this.client.send({ type: "csr", workload, csrPem });
  }

  #install({ workload, chainPem }: Certificate): void {
    const name = workload?.name ?? "";
    const keyPem = this.#pending.get(name);
    const leaf = new X509Certificate(chainPem);
    if (keyPem === undefined || !leaf.checkPrivateKey(createPrivateKey(keyPem))) return;
    this.held.set(name, chainPem);
    if (name === "") this.#own = { ...this.#own, certPem: chainPem, keyPem };
    this.client.send({
      type: "installed",
      workload,
      serialNumber: leaf.serialNumber.toLowerCase(),
    });
  }
}

/** Whether a chain leads to one of the roots. */
export function isUnder(chainPem: string, rootsPem: string): boolean {
  const chain = splitPem(chainPem).map((pem) => new X509Certificate(pem));
  const roots = splitPem(rootsPem).map((pem) => new X509Certificate(pem));
  const isLinked = chain.every((one, index) => {
    const issuer = chain[index + 1];
    return issuer === undefined || one.verify(issuer.publicKey);
  });
  const last = chain.at(-1);
  return isLinked && roots.some((root) => last?.verify(root.publicKey) === true);
}
