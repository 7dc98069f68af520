import { join } from "node:path";
import {
  type Mesh,
  type ProxyReady,
  type Scope,
  type StartedProcess,
  startMesh,
} from "@heddle/testkit";
import { type SeenApp, startSeenApp } from "./seen-app.ts";
import { type StreamApps, startStreamApps } from "./stream-apps.ts";

/**
 * The mesh that all cases share: real processes, and apps in this one whose answers say what reached them.
 *
 * | workload              | proxy        | serves                                                         |
 * | --------------------- | ------------ | -------------------------------------------------------------- |
 * | shop/front, mobile    | shop-callers | nothing; they call (front: locality eu/a/1, label tier=web)    |
 * | bank/teller           | bank-callers | nothing; it calls from another namespace                       |
 * | shop/reviews-v1 … v3  | shop-servers | HTTP/1.1; a second port named `admin`                          |
 * | shop/ratings-v1       | shop-servers | HTTP/1.1                                                       |
 * | shop/fresh-v1         | shop-servers | HTTP/1.1; for who is young                                     |
 * | shop/vault            | shop-servers | HTTP/1.1 on two ports; for rules of one workload               |
 * | shop/echo-v1, v2      | shop-servers | TCP: a greeting first, then an echo                            |
 * | shop/secure-v1, v2    | shop-servers | TLS of its own                                                 |
 * | shop/greeter          | shop-servers | HTTP/2 in plaintext, gRPC                                      |
 */
export type World = {
  readonly mesh: Mesh;
  readonly apps: ReadonlyMap<string, SeenApp>;
  readonly streams: StreamApps;
  readonly proxies: {
    readonly callers: StartedProcess<ProxyReady>;
    readonly servers: StartedProcess<ProxyReady>;
    readonly bank: StartedProcess<ProxyReady>;
  };
  /** The outbound port of a caller, e.g. of `front`. */
  outboundPort(caller: string): number;
  /** The inbound port of a server's n-th app port, e.g. of `reviews-v1`. */
  inboundPort(workload: string, index?: number): number;
};

const FILTERS = join(import.meta.dirname, "../filters");

export async function startWorld(scope: Scope): Promise<World> {
  const [mesh, list, streams] = await Promise.all([
    startMesh(scope),
    startApps(scope),
    startStreamApps(scope),
  ]);
  const apps = new Map(list.map((app) => [app.name, app]));
  const portOf = (name: string) => apps.get(name)?.port ?? 0;
  const env = {
    HEDDLE_TRACE_SAMPLING: "0",
    CONFORMANCE_ENVIRONMENT: "proving",
    HEDDLE_FILTERS_DIR: FILTERS,
  };
  const [callers, servers, bank] = await Promise.all([
    mesh.startProxy(
      "shop",
      {
        name: "shop-callers",
        workloads: [
          caller("shop", "front", { tier: "web" }, "eu/a/1"),
          caller("shop", "mobile", { tier: "app" }, "us/b/1"),
        ],
      },
      env,
    ),
    mesh.startProxy(
      "shop",
      {
        name: "shop-servers",
        workloads: [
          ...["v1", "v2", "v3"].map((version) => ({
            namespace: "shop",
            service: "reviews",
            version,
            ports: [
              { port: portOf(`reviews-${version}`), protocol: "http", name: "http" },
              { port: portOf(`reviews-${version}-admin`), protocol: "http", name: "admin" },
            ],
          })),
          server("ratings", "v1", portOf("ratings-v1"), "http"),
          server("fresh", "v1", portOf("fresh-v1"), "http"),
          {
            namespace: "shop",
            service: "vault",
            ports: [
              { port: portOf("vault"), protocol: "http", name: "http" },
              { port: portOf("vault-admin"), protocol: "http", name: "admin" },
            ],
          },
          server("echo", "v1", streams.echo[0], "tcp"),
          server("echo", "v2", streams.echo[1], "tcp"),
          server("secure", "v1", streams.secure[0], "tls"),
          server("secure", "v2", streams.secure[1], "tls"),
          server("greeter", "v1", streams.greeter, "grpc"),
        ],
      },
      env,
    ),
    mesh.startProxy("bank", {
      name: "bank-callers",
      workloads: [caller("bank", "teller", { tier: "desk" }, undefined)],
    }),
  ]);
  const workloads = [callers, servers, bank].flatMap(({ ready }) => ready.workloads);
  const find = (name: string) => {
    const found = workloads.find(({ workload }) => workload === name);
    if (!found) throw new Error(`no workload ${name}`);
    return found;
  };
  return {
    mesh,
    apps,
    streams,
    proxies: { callers, servers, bank },
    outboundPort: (name) => find(name).outboundPort,
    inboundPort: (name, index = 0) => find(name).ports[index]?.inboundPort ?? 0,
  };
}

function startApps(scope: Scope): Promise<SeenApp[]> {
  const versions = ["v1", "v2", "v3"].flatMap((version) => [
    `reviews-${version}`,
    `reviews-${version}-admin`,
  ]);
  return Promise.all(
    [...versions, "ratings-v1", "fresh-v1", "vault", "vault-admin"].map((name) =>
      startSeenApp(scope, name),
    ),
  );
}

function caller(
  namespace: string,
  service: string,
  labels: Record<string, string>,
  locality: string | undefined,
) {
  return { namespace, service, labels, ...(locality === undefined ? {} : { locality }) };
}

function server(service: string, version: string, appPort: number, protocol: string) {
  return { namespace: "shop", service, version, appPort, protocol };
}
