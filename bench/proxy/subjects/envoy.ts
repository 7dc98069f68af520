import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePorts } from "@heddle/testkit";
import { findProgram, MEASURED_CORE, start, whenListening } from "../processes.ts";
import type { CertificateFiles, Contestant, Shape, Surroundings } from "./subject.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions";
const FLAGS = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "critical"];

type Json = Readonly<Record<string, unknown>>;

/** Envoy as a bare HTTP proxy: one worker, the router filter, no access log, its statistics as they are. */
export async function startEnvoy(
  shape: Shape,
  { folder, upstreamPort, files }: Surroundings,
): Promise<Contestant | undefined> {
  const envoy = findProgram("envoy");
  if (envoy === undefined) return undefined;
  const [front = 0, back = 0] = await findFreePorts(2);
  const run = (name: string, config: Json) => {
    const path = join(folder, `envoy-${name}.json`);
    writeFileSync(path, JSON.stringify(config));
    return start(MEASURED_CORE, envoy, ["-c", path, ...FLAGS]).pid as number;
  };
  const pids =
    shape === "hop"
      ? [run("hop", proxy({ port: front, to: upstreamPort }))]
      : [
          run("front", proxy({ port: front, to: back, upstreamTls: files })),
          run("back", proxy({ port: back, to: upstreamPort, downstreamTls: files })),
        ];
  await whenListening(front);
  return { name: "envoy", port: front, host: "plain", pids };
}

function proxy(way: {
  readonly port: number;
  readonly to: number;
  readonly upstreamTls?: CertificateFiles;
  readonly downstreamTls?: CertificateFiles;
}): Json {
  const router = {
    name: "envoy.filters.http.router",
    typed_config: { "@type": `${EXTENSIONS}.filters.http.router.v3.Router` },
  };
  const manager = {
    "@type": `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    codec_type: "HTTP1",
    use_remote_address: true,
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster: "next" } }],
          request_headers_to_add: [
            { header: { key: "x-request-start", value: "%START_TIME(%s.%3f)%" } },
          ],
        },
      ],
    },
    http_filters: [router],
  };
  const filter = { name: "envoy.filters.network.http_connection_manager", typed_config: manager };
  const chain = {
    filters: [filter],
    ...(way.downstreamTls && { transport_socket: downstreamTls(way.downstreamTls) }),
  };
  const cluster = {
    name: "next",
    type: "STATIC",
    connect_timeout: "5s",
    load_assignment: {
      cluster_name: "next",
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(way.to) } }] }],
    },
    ...(way.upstreamTls && { transport_socket: upstreamTls(way.upstreamTls) }),
  };
  return {
    static_resources: {
      listeners: [{ name: "in", address: address(way.port), filter_chains: [chain] }],
      clusters: [cluster],
    },
  };
}

function address(port: number): Json {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function commonTls(files: CertificateFiles): Json {
  return {
    tls_params: {
      tls_minimum_protocol_version: "TLSv1_3",
      tls_maximum_protocol_version: "TLSv1_3", // a client of Envoy's stops at 1.2 by default
    },
    tls_certificates: [
      { certificate_chain: { filename: files.chain }, private_key: { filename: files.key } },
    ],
    validation_context: { trusted_ca: { filename: files.roots } },
  };
}

const TLS = `${EXTENSIONS}.transport_sockets.tls.v3`;

function upstreamTls(files: CertificateFiles): Json {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": `${TLS}.UpstreamTlsContext`, common_tls_context: commonTls(files) },
  };
}

function downstreamTls(files: CertificateFiles): Json {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TLS}.DownstreamTlsContext`,
      require_client_certificate: true,
      common_tls_context: commonTls(files),
    },
  };
}
