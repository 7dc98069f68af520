import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePorts } from "@heddle/testkit";
import { findProgram, MEASURED_CORE, start, whenListening } from "../processes.ts";
import {
  type CertificateFiles,
  type Contestant,
  isPair,
  RULES,
  type Shape,
  type Surroundings,
} from "./subject.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions";
const FLAGS = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "critical"];

type Json = Readonly<Record<string, unknown>>;
type Protocol = "http" | "grpc" | "tcp";
type Way = {
  readonly protocol: Protocol;
  readonly hasRules: boolean;
  readonly port: number;
  readonly to: number;
  readonly upstreamTls?: CertificateFiles;
  readonly downstreamTls?: CertificateFiles;
};

/** Envoy as a bare proxy: one worker, the router filter, no access log, its statistics as they are. */
export async function startEnvoy(
  shape: Shape,
  { folder, upstreamPorts, files }: Surroundings,
): Promise<Contestant | undefined> {
  const envoy = findProgram("envoy");
  if (envoy === undefined) return undefined;
  const [front = 0, back = 0] = await findFreePorts(2);
  const protocol = shape.startsWith("grpc") ? "grpc" : shape.startsWith("tcp") ? "tcp" : "http";
  const run = (name: string, way: Omit<Way, "protocol" | "hasRules">) => {
    const path = join(folder, `envoy-${name}.json`);
    const hasRules = shape === "rules";
    writeFileSync(path, JSON.stringify(configOf({ ...way, protocol, hasRules })));
    return start(MEASURED_CORE, envoy, ["-c", path, ...FLAGS]).pid as number;
  };
  const upstream = upstreamPorts[protocol];
  const pids = isPair(shape)
    ? [
        run(`${shape}-front`, { port: front, to: back, upstreamTls: files }),
        run(`${shape}-back`, { port: back, to: upstream, downstreamTls: files }),
      ]
    : [run(shape, { port: front, to: upstream })];
  await whenListening(front);
  return { name: "envoy", port: front, host: "plain", pids };
}

function configOf(way: Way): Json {
  const filter = way.protocol === "tcp" ? tcpFilter() : httpFilter(way);
  const chain = {
    filters: [filter],
    ...(way.downstreamTls && { transport_socket: downstreamTls(way.downstreamTls, way.protocol) }),
  };
  const cluster = {
    name: "next",
    type: "STATIC",
    connect_timeout: "5s",
    load_assignment: {
      cluster_name: "next",
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(way.to) } }] }],
    },
    ...(way.protocol === "grpc" && { typed_extension_protocol_options: HTTP2_UPSTREAM }),
    ...(way.upstreamTls && { transport_socket: upstreamTls(way.upstreamTls, way.protocol) }),
  };
  return {
    static_resources: {
      listeners: [{ name: "in", address: address(way.port), filter_chains: [chain] }],
      clusters: [cluster],
    },
  };
}

const HTTP2_UPSTREAM: Json = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: {} },
  },
};

function tcpFilter(): Json {
  const type = `${EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy`;
  const typed_config = { "@type": type, stat_prefix: "in", cluster: "next" };
  return { name: "envoy.filters.network.tcp_proxy", typed_config };
}

function httpFilter({ protocol, hasRules }: Way): Json {
  const router = {
    name: "envoy.filters.http.router",
    typed_config: { "@type": `${EXTENSIONS}.filters.http.router.v3.Router` },
  };
  const route = { cluster: "next" };
  const rules = RULES.map((rule) =>
    rule.prefix === undefined
      ? { match: { prefix: "/", headers: [fieldMatch(rule.field, rule.value)] }, route }
      : { match: { prefix: rule.prefix }, route },
  );
  const startField = { header: { key: "x-request-start", value: "%START_TIME(%s.%3f)%" } };
  const typed_config = {
    "@type": `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    codec_type: protocol === "grpc" ? "HTTP2" : "HTTP1",
    use_remote_address: true,
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [...(hasRules ? rules : []), { match: { prefix: "/" }, route }],
          request_headers_to_add: [startField],
        },
      ],
    },
    http_filters: [router],
  };
  return { name: "envoy.filters.network.http_connection_manager", typed_config };
}

function fieldMatch(name: string, value: string): Json {
  return { name, string_match: { exact: value } };
}

function address(port: number): Json {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function commonTls(files: CertificateFiles, protocol: Protocol): Json {
  return {
    tls_params: {
      tls_minimum_protocol_version: "TLSv1_3",
      tls_maximum_protocol_version: "TLSv1_3", // a client of Envoy's stops at 1.2 by default
    },
    tls_certificates: [
      { certificate_chain: { filename: files.chain }, private_key: { filename: files.key } },
    ],
    validation_context: { trusted_ca: { filename: files.roots } },
    ...(protocol === "grpc" && { alpn_protocols: ["h2"] }),
  };
}

const TLS = `${EXTENSIONS}.transport_sockets.tls.v3`;

function upstreamTls(files: CertificateFiles, protocol: Protocol): Json {
  const common_tls_context = commonTls(files, protocol);
  const typed_config = { "@type": `${TLS}.UpstreamTlsContext`, common_tls_context };
  return { name: "envoy.transport_sockets.tls", typed_config };
}

function downstreamTls(files: CertificateFiles, protocol: Protocol): Json {
  const typed_config = {
    "@type": `${TLS}.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: commonTls(files, protocol),
  };
  return { name: "envoy.transport_sockets.tls", typed_config };
}
