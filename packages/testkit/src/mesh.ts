import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApplyResponse, Problem, TokenCreateResponse } from "@heddle/contracts";
import { signToken } from "@heddle/runtime";
import { startDatabase } from "./database.ts";
import { OtlpSink } from "./otlp-sink.ts";
import type { Scope } from "./scope.ts";
import { type StartedProcess, startProcess } from "./started-process.ts";

/** What a proxy says once it can serve (docs/architecture.md). */
export type ProxyReady = {
  readonly adminPort: number;
  readonly workloads: readonly {
    readonly namespace: string;
    readonly workload: string;
    readonly inboundPort: number;
    readonly ports: readonly { readonly port: number; readonly inboundPort: number }[];
    readonly outboundPort: number;
    readonly outbounds: readonly { readonly host: string; readonly localPort: number }[];
  }[];
};

/** An answer of the control plane's API. */
export type ApiAnswer<Body> = { readonly status: number; readonly body: Body };

/** The control plane did not take documents; the message holds every fault. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly problem: Problem;
  constructor(problem: Problem) {
    const faults = problem.errors?.map(({ field, message }) => `${field}: ${message}`) ?? [];
    super([problem.detail, ...faults].join("\n"));
    this.problem = problem;
  }
}

/** A real control plane over a real database, and a receiver of signals; proxies are started one by one. */
export type Mesh = {
  readonly sink: OtlpSink;
  readonly controlPlane: StartedProcess<{ controlPort: number; adminPort: number }>;
  /** Of an admin, for the API at `controlPlane.ready.adminPort`. */
  readonly apiToken: string;
  call<Body>(method: string, path: string, body?: object): Promise<ApiAnswer<Body>>;
  /**
   * Applies documents and waits until every proxy they concern runs them. Throws `RefusedError`, or an
   * error that names the proxies that did not follow.
   */
  apply(yaml: string): Promise<ApplyResponse>;
  /** Takes a document away and waits for the proxies. */
  remove(kind: string, namespace: string, name: string): Promise<void>;
  /** A real collector beside the receiver; proxies send to it when `OTEL_EXPORTER_OTLP_ENDPOINT` says so. */
  startCollector(): Promise<
    StartedProcess<{ readonly otlpPort: number; readonly adminPort: number }>
  >;
  /** Another control plane over the same database. */
  startControlPlane(): Promise<Mesh["controlPlane"]>;
  /** A proxy of one namespace with a configuration file of these workloads. */
  startProxy(
    namespace: string,
    config: { readonly name: string; readonly workloads: readonly object[] },
    env?: Readonly<Record<string, string>>,
  ): Promise<StartedProcess<ProxyReady>>;
};

/** Starts database, control plane and receiver as processes of `scope`. */
export async function startMesh(
  scope: Scope,
  options: {
    readonly trustDomain?: string;
    /** Of a database that is there; otherwise a fresh one is made. */
    readonly databaseUrl?: string;
    /** Further variables of the control plane. */
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Mesh> {
  const given = options.databaseUrl;
  const [database, sink] = await Promise.all([
    given === undefined ? startDatabase(scope) : { url: given },
    OtlpSink.start(scope),
  ]);
  const authSecret = randomBytes(24).toString("hex");
  const settings = {
    DATABASE_URL: database.url,
    HEDDLE_AUTH_SECRET: authSecret,
    HEDDLE_CA_SECRET: randomBytes(24).toString("hex"),
    HEDDLE_CONTROL_PORT: "0",
    HEDDLE_CONTROL_ADMIN_PORT: "0",
    HEDDLE_TRUST_DOMAIN: options.trustDomain ?? "cluster.local",
    HEDDLE_LOG_LEVEL: "warn",
    ...options.env,
  };
  const startControlPlane: Mesh["startControlPlane"] = () =>
    startProcess(scope, "control-plane", [], settings);
  const controlPlane = await startControlPlane();
  const admin = { name: "test", role: "admin", tokenId: randomUUID() } as const;
  const token = await signToken(authSecret, "api", admin, 3 * 3600, Date.now());
  const call = async <Body>(
    method: string,
    path: string,
    body?: object,
  ): Promise<ApiAnswer<Body>> => {
    const { adminPort } = controlPlane.ready;
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };
  const change = async (method: string, path: string, body?: object) => {
    const answer = await call<ApplyResponse | Problem>(method, path, body);
    if (answer.status !== 200) throw new RefusedError(answer.body as Problem);
    const applied = answer.body as ApplyResponse;
    const { propagation } = applied;
    if (propagation !== undefined && propagation.proxiesAcked < propagation.proxiesTotal) {
      throw new Error(
        `${propagation.proxiesAcked} of ${propagation.proxiesTotal} proxies run revision ${applied.revision}: ${JSON.stringify(propagation.nacks)}`,
      );
    }
    return applied;
  };
  const folder = mkdtempSync(join(tmpdir(), "heddle-mesh-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return {
    sink,
    controlPlane,
    apiToken: token,
    call,
    apply: (yaml) => change("POST", "/apply", { yaml, acceptEndpointLoss: true, push: "all" }),
    remove: async (kind, namespace, name) => {
      await change("DELETE", `/resources/${kind}/${namespace}/${name}?acceptEndpointLoss=true`);
    },
    startControlPlane,
    startCollector: () =>
      startProcess(scope, "collector", [], {
        DATABASE_URL: database.url,
        HEDDLE_AUTH_SECRET: authSecret,
        HEDDLE_OTLP_PORT: "0",
        HEDDLE_COLLECTOR_ADMIN_PORT: "0",
        HEDDLE_LOG_LEVEL: "warn",
      }),
    startProxy: async (namespace, config, env = {}) => {
      const request = { namespace, maxUses: 1 };
      const { body } = await call<TokenCreateResponse>("POST", "/tokens", request);
      const configFile = join(folder, `${config.name}.json`);
      writeFileSync(configFile, JSON.stringify(config));
      return startProcess<ProxyReady>(scope, "proxy", ["--config", configFile], {
        HEDDLE_CONTROL_PLANE: `127.0.0.1:${controlPlane.ready.controlPort}`,
        HEDDLE_JOIN_TOKEN: body.token,
        HEDDLE_DATA_DIR: join(folder, config.name),
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.url.href.replace(/\/$/, ""),
        HEDDLE_LOG_LEVEL: "warn",
        ...env,
      });
    },
  };
}
