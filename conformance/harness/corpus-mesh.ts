import { type Mesh, type Scope, startMesh } from "@heddle/testkit";
import { introduce } from "./introduce.ts";
import { type SeenApp, startSeenApp } from "./seen-app.ts";
import { type Answer, type CallOptions, createSender, type Sender } from "./send-request.ts";

/** Workloads by namespace: `name` or `name-v1`; those with `calls` have no app. */
export type CorpusPlan = Readonly<
  Record<string, { readonly calls: readonly string[]; readonly serves: readonly string[] }>
>;

/** A mesh of workloads as somebody else's documents expect them, beside the common one of the cases. */
export class CorpusMesh {
  readonly mesh: Mesh;
  readonly scope: Scope;
  readonly apps = new Map<string, SeenApp>();
  readonly #outbound = new Map<string, number>();
  readonly #inbound = new Map<string, number>();
  readonly #send: Sender;
  readonly #applied = new Map<string, { kind: string; namespace: string; name: string }>();

  private constructor(mesh: Mesh, scope: Scope) {
    this.mesh = mesh;
    this.scope = scope;
    this.#send = createSender(scope);
  }

  static async start(scope: Scope, plan: CorpusPlan): Promise<CorpusMesh> {
    const one = new CorpusMesh(await startMesh(scope), scope);
    for (const [namespace, { calls, serves }] of Object.entries(plan)) {
      await one.#add(`${namespace}-callers`, namespace, calls.map(nameOf));
      const served = await Promise.all(serves.map((name) => one.#serve(name)));
      if (served.length > 0) await one.#add(`${namespace}-servers`, namespace, served);
    }
    return one;
  }

  /** A request of a caller's app, through its sidecar. */
  async call(from: string, host: string, options: CallOptions = {}): Promise<Answer> {
    const port = this.#outbound.get(from) ?? 0;
    await introduce(port, host);
    return this.#send({ host, ...options, port });
  }

  async calls(count: number, from: string, host: string, options: CallOptions = {}) {
    const answers: Answer[] = [];
    for (let sent = 0; sent < count; sent++) answers.push(await this.call(from, host, options));
    return answers;
  }

  /** A request in plaintext, from outside the mesh. */
  direct(workload: string, host: string, options: CallOptions = {}): Promise<Answer> {
    return this.#send({ host, ...options, port: this.inboundPort(workload) });
  }

  inboundPort(workload: string): number {
    return this.#inbound.get(workload) ?? 0;
  }

  outboundPort(workload: string): number {
    return this.#outbound.get(workload) ?? 0;
  }

  /** Applies a file as it is, and returns its warnings. */
  async apply(yaml: string | undefined): Promise<readonly string[]> {
    if (yaml === undefined) throw new Error("the corpus has no such file");
    const { changes, warnings } = await this.mesh.apply(yaml);
    for (const { kind, namespace, name } of changes) {
      this.#applied.set(`${kind}/${namespace}/${name}`, { kind, namespace, name });
    }
    return warnings;
  }

  /** Takes everything away again; routes first, since they stand upon the others. */
  async reset(): Promise<void> {
    const all = [...this.#applied.values()].reverse();
    this.#applied.clear();
    const isRoute = ({ kind }: { kind: string }) => kind === "VirtualService";
    for (const one of [...all.filter(isRoute), ...all.filter((other) => !isRoute(other))]) {
      await this.mesh.remove(one.kind, one.namespace, one.name);
    }
  }

  async #serve(name: string) {
    const app = await startSeenApp(this.scope, name);
    this.apps.set(name, app);
    return { ...nameOf(name), appPort: app.port, protocol: "http" };
  }

  async #add(name: string, namespace: string, workloads: readonly object[]): Promise<void> {
    const config = { name, workloads: workloads.map((one) => ({ namespace, ...one })) };
    const env = { HEDDLE_TRACE_SAMPLING: "0" };
    const { ready } = await this.mesh.startProxy(namespace, config, env);
    for (const { workload, inboundPort, outboundPort } of ready.workloads) {
      this.#inbound.set(workload, inboundPort);
      this.#outbound.set(workload, outboundPort);
    }
  }
}

function nameOf(name: string): { readonly service: string; readonly version?: string } {
  const [, service, version] = /^(.*)-(v\d)$/.exec(name) ?? [];
  return service === undefined || version === undefined ? { service: name } : { service, version };
}
