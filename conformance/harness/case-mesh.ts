import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net, { type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DnsServer,
  type Mesh,
  RefusedError,
  type Scope,
  startDnsServer,
  waitFor,
} from "@heddle/testkit";
import { HeldAnswers } from "./held-answers.ts";
import { introduce } from "./introduce.ts";
import { type Answerer, type Seen, type SeenApp, startSeenApp } from "./seen-app.ts";
import { type Answer, type CallOptions, createSender, type Sender } from "./send-request.ts";
import type { World } from "./world.ts";

const API_VERSIONS: Readonly<Record<string, string>> = {
  VirtualService: "networking.istio.io/v1",
  DestinationRule: "networking.istio.io/v1",
  ServiceEntry: "networking.istio.io/v1",
  Sidecar: "networking.istio.io/v1",
  WorkloadEntry: "networking.istio.io/v1",
  PeerAuthentication: "security.istio.io/v1",
  AuthorizationPolicy: "security.istio.io/v1",
  RequestAuthentication: "security.istio.io/v1",
  Telemetry: "telemetry.istio.io/v1",
  Service: "v1",
  MeshConfig: "heddle.dev/v1",
  TrafficPolicy: "heddle.dev/v1",
  RateLimit: "heddle.dev/v1",
  ProxyFilter: "heddle.dev/v1",
  Bypass: "heddle.dev/v1",
  DnsSource: "heddle.dev/v1",
  InstanceOverride: "heddle.dev/v1",
};

/** Kinds of which the case's own document may be named only so. */
const FIXED_NAMES: Readonly<Record<string, string>> = { MeshConfig: "default" };

export type DocumentOptions = {
  readonly name?: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** Which kind of document bears a traffic policy's block. */
export type Carrier = "DestinationRule" | "TrafficPolicy" | "MeshConfig";

let cases = 0;

/**
 * What one case does with the mesh. It has a service of its own, `host`, so that cases run side by side: at
 * first the workloads of reviews under another name, after `serve` apps of the case's own.
 *
 * In YAML, words in capitals are filled in: `HOST` and `NAME` (of the case), `ROUTE` (a route to `HOST`),
 * `V1` … `V3` (a route to that subset).
 */
export class CaseMesh {
  readonly world: World;
  readonly carrier: Carrier;
  readonly id: string;
  host: string;
  readonly #scope: Scope;
  readonly #send: Sender;
  readonly #applied = new Map<string, { kind: string; namespace: string; name: string }>();
  /** What the last change was warned of. */
  warnings: readonly string[] = [];

  constructor(world: World, scope: Scope, carrier: Carrier) {
    cases += 1;
    this.id = `c${cases}`;
    this.host = this.id;
    this.world = world;
    this.carrier = carrier;
    this.#scope = scope;
    this.#send = createSender(scope);
  }

  /** An address of loopback that no other case uses. */
  get address(): string {
    const number = Number(this.id.slice(1));
    return `127.9.${Math.floor(number / 250)}.${(number % 250) + 1}`;
  }

  get mesh(): Mesh {
    return this.world.mesh;
  }

  /** Puts a service of the workloads of reviews under the case's name. */
  async start(): Promise<void> {
    await this.apply(
      this.document(
        "Service",
        "selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: http, appProtocol: http}]",
      ),
    );
  }

  /** Takes away whatever was applied, the last first. */
  async end(): Promise<void> {
    for (const { kind, namespace, name } of [...this.#applied.values()].reverse()) {
      await this.mesh.remove(kind, namespace, name);
    }
    this.#applied.clear();
  }

  /** Runs `work` at the end of the case. */
  after(work: () => void | Promise<void>): void {
    this.#scope.after(work);
  }

  /** The text of a document with this spec in YAML's flow style, braces left out. */
  document(kind: string, spec: string, options: DocumentOptions = {}): string {
    const { name = FIXED_NAMES[kind] ?? this.id, namespace = "shop", annotations } = options;
    const notes = annotations === undefined ? "" : `, annotations: ${JSON.stringify(annotations)}`;
    return `apiVersion: ${API_VERSIONS[kind]}\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}${notes}}\nspec: {${spec}}\n`;
  }

  /** Applies documents in one revision and waits until all proxies concerned run it. */
  async apply(...documents: readonly string[]): Promise<void> {
    const { changes, warnings } = await this.mesh.apply(this.#fill(documents.join("---\n")));
    this.warnings = warnings;
    for (const { kind, namespace, name } of changes) {
      this.#applied.set(`${kind}/${namespace}/${name}`, { kind, namespace, name });
    }
  }

  applyOne(kind: string, spec: string, options?: DocumentOptions): Promise<void> {
    return this.apply(this.document(kind, spec, options));
  }

  /** A VirtualService for the case's host. */
  virtualService(spec: string, options?: DocumentOptions): Promise<void> {
    return this.applyOne("VirtualService", `hosts: [HOST], ${spec}`, options);
  }

  /** The `http` list of a VirtualService for the case's host. */
  routes(...routes: readonly string[]): Promise<void> {
    return this.virtualService(`http: [${routes.map((route) => `{${route}}`).join(", ")}]`);
  }

  destinationRule(spec: string, options?: DocumentOptions): Promise<void> {
    return this.applyOne("DestinationRule", `host: HOST, ${spec}`, options);
  }

  /** Blocks of a traffic policy for the case's host, in the form of the case's carrier. */
  policy(blocks: string): Promise<void> {
    if (this.carrier === "DestinationRule")
      return this.destinationRule(`trafficPolicy: {${blocks}}`);
    if (this.carrier === "TrafficPolicy") {
      return this.applyOne("TrafficPolicy", `destinations: [{host: HOST}], ${blocks}`);
    }
    return this.applyOne("MeshConfig", `defaultTrafficPolicy: {${blocks}}`, {
      namespace: "istio-system",
    });
  }

  /** Asserts that documents are refused with these words, and that nothing has changed. */
  async refused(
    kind: string,
    spec: string,
    words: RegExp,
    options?: DocumentOptions,
  ): Promise<void> {
    const yaml = this.#fill(this.document(kind, spec, options));
    await assert.rejects(this.mesh.apply(yaml), (error) => {
      assert.ok(error instanceof RefusedError, String(error));
      assert.match(error.message, words);
      return true;
    });
  }

  /** Takes one of the case's documents away before its end. */
  async remove(kind: string, options: DocumentOptions = {}): Promise<void> {
    const { name = FIXED_NAMES[kind] ?? this.id, namespace = "shop" } = options;
    await this.mesh.remove(kind, namespace, name);
    this.#applied.delete(`${kind}/${namespace}/${name}`);
  }

  /** Sends a request from a caller's app (`front` when none is named) through its sidecar. */
  async call(options: CallOptions | string = {}): Promise<Answer> {
    const asked = typeof options === "string" ? { path: options } : options;
    const port = this.world.outboundPort(asked.from ?? "front");
    await introduce(port, asked.host ?? this.host);
    return this.#send({ host: this.host, ...asked, port });
  }

  /** The same `count` times, one after another. */
  async calls(count: number, options: CallOptions | string = {}): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let index = 0; index < count; index++) answers.push(await this.call(options));
    return answers;
  }

  /** Sends a request straight to a port of loopback, without a sidecar of the caller's. */
  direct(port: number, options: CallOptions = {}): Promise<Answer> {
    return this.#send({ host: this.host, ...options, port });
  }

  /** A connection through a caller's sidecar to `authority`, as an app behind HTTP_PROXY opens it. */
  async connect(authority: string, from = "front"): Promise<{ status: string; socket: Socket }> {
    const port = this.world.outboundPort(from);
    await introduce(port, authority);
    const socket = net.connect(port, "127.0.0.1");
    this.#scope.after(() => void socket.destroy());
    socket.on("error", () => undefined); // told by its end
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    const head = await readUntil(socket, "\r\n\r\n");
    return { status: head.split(" ")[1] ?? "", socket };
  }

  /** Answers held back until they are let go, at the latest at the end of the case. */
  hold(): HeldAnswers {
    const held = new HeldAnswers();
    this.#scope.after(() => held.open());
    return held;
  }

  /** A DNS server of the case's own. */
  dnsServer(): Promise<DnsServer> {
    return startDnsServer(this.#scope);
  }

  /** An app of the case's own. */
  app(
    name: string,
    answer?: Answerer,
    options?: Parameters<typeof startSeenApp>[3],
  ): Promise<SeenApp> {
    return startSeenApp(this.#scope, name, answer, options);
  }

  /** `count` apps a1, a2 … */
  apps(count: number, answer?: Answerer): Promise<SeenApp[]> {
    return Promise.all(
      Array.from({ length: count }, (_, index) => this.app(`a${index + 1}`, answer)),
    );
  }

  /**
   * Makes apps of the case's own the endpoints of its host, now `<id>.test`, by a ServiceEntry. `perApp` adds
   * to an endpoint, e.g. `locality: eu/a`; `spec` to the entry.
   */
  async serve(
    apps: readonly { readonly port: number }[],
    perApp: (app: { readonly port: number }, index: number) => string = () => "",
    spec = "location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}]",
  ): Promise<void> {
    this.host = `${this.id}.test`;
    const endpoints = apps.map((app, index) => {
      const more = perApp(app, index);
      return `{address: 127.0.0.1, ports: {http: ${app.port}}${more === "" ? "" : `, ${more}`}}`;
    });
    await this.applyOne(
      "ServiceEntry",
      `hosts: [HOST], ${spec}, endpoints: [${endpoints.join(", ")}]`,
    );
  }

  /** What reached an app of the world in this case. */
  seenBy(app: string): readonly Seen[] {
    return (this.world.apps.get(app)?.seen ?? []).filter(
      ({ headers }) => headers["x-case"] === this.id,
    );
  }

  /** A file with this text; gone with the case. */
  file(name: string, text: string): string {
    const folder = mkdtempSync(join(tmpdir(), "heddle-case-"));
    this.#scope.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  #fill(yaml: string): string {
    return yaml
      .replaceAll(/\bV([123])\b/g, "route: [{destination: {host: HOST, subset: v$1}}]")
      .replaceAll(/\bROUTE\b/g, "route: [{destination: {host: HOST}}]")
      .replaceAll(/\bHOST\b/g, this.host)
      .replaceAll(/\bNAME\b/g, this.id);
  }
}

/** Reads a socket until `end` has come; what came behind it is put back. */
export function readUntil(socket: Socket, end: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const stop = () => {
      socket.off("data", onData);
      socket.off("close", onClose);
      socket.pause();
    };
    const onData = (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      const at = got.indexOf(end);
      if (at < 0) return;
      stop();
      const rest = got.subarray(at + end.length);
      if (rest.length > 0) socket.unshift(rest);
      resolve(got.subarray(0, at).toString());
    };
    const onClose = () => {
      stop();
      reject(new Error(`closed after ${JSON.stringify(got.toString())}`));
    };
    socket.on("data", onData);
    socket.once("close", onClose);
    socket.resume();
  });
}

/** The first `count` of `calls` that are answered, in that order. */
export async function firstAnswers(
  calls: readonly Promise<Answer>[],
  count: number,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const call of calls) void call.then((answer) => answers.push(answer));
  await waitFor(`${count} of ${calls.length} are answered`, 15_000, () => answers.length >= count);
  return answers.slice(0, count);
}

/** How many answers came from each app. */
export function countByApp(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { app, status } of answers) {
    const key = app ?? `proxy ${status}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
