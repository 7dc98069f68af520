import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePorts } from "@heddle/testkit";
import { findProgram, LOAD_CORE, MEASURED_CORE, start, whenListening } from "../processes.ts";
import {
  type CertificateFiles,
  type Contestant,
  isPair,
  RULES,
  type Shape,
  type Surroundings,
} from "./subject.ts";

const COMMON = `worker_processes 1; error_log /dev/null crit; daemon off;
events { worker_connections 8192; }`;
const HTTP = `access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
client_body_temp_path FOLDER; proxy_temp_path FOLDER; fastcgi_temp_path FOLDER;
uwsgi_temp_path FOLDER; scgi_temp_path FOLDER;`;
const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";
/** Three fields on top; Heddle adds more. */
const ADDED = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-Start $msec;
proxy_set_header X-Request-Id $request_id; proxy_request_buffering off;`;
const GRPC_ADDED = `grpc_set_header X-Forwarded-For $remote_addr; grpc_set_header X-Request-Start $msec;
grpc_set_header X-Request-Id $request_id;`;

/** nginx as a bare proxy: one worker, kept-alive upstreams, no access log. */
export async function startNginx(
  shape: Shape,
  { folder, upstreamPorts, files }: Surroundings,
): Promise<Contestant | undefined> {
  const nginx = findProgram("nginx");
  const isTcp = shape.startsWith("tcp");
  if (nginx === undefined || (isTcp && !existsSync(STREAM_MODULE))) return undefined;
  const [front = 0, back = 0] = await findFreePorts(2);
  const run = (name: string, body: string) => {
    const args = isTcp ? writeStream(folder, name, body) : writeHttp(folder, name, body);
    return start(MEASURED_CORE, nginx, args).pid as number;
  };
  const kind = shape.startsWith("grpc") ? GRPC : isTcp ? TCP : shape === "rules" ? RULED : PLAIN;
  const upstream = upstreamPorts[isTcp ? "tcp" : kind === GRPC ? "grpc" : "http"];
  const pids = isPair(shape)
    ? [
        run(`${shape}-front`, kind(front, "", back, clientTls(files))),
        run(`${shape}-back`, kind(back, serverTls(files), upstream, undefined)),
      ]
    : [run(shape, kind(front, "", upstream, undefined))];
  await whenListening(front);
  return { name: "nginx", port: front, host: "plain", pids };
}

/** Starts an nginx that answers every request with 1 KiB; false: there is no nginx. */
export function startNginxUpstream(folder: string, port: number): boolean {
  const nginx = findProgram("nginx");
  if (nginx === undefined) return false;
  const http = `server { listen 127.0.0.1:${port} backlog=4096; location / { default_type text/plain; return 200 "${"x".repeat(1_024)}"; } }`;
  start(LOAD_CORE, nginx, writeHttp(folder, "upstream", http));
  return true;
}

function write(folder: string, name: string, top: string): string[] {
  const path = join(folder, `nginx-${name}.conf`);
  writeFileSync(path, `pid ${join(folder, `nginx-${name}.pid`)};\n${top}\n`);
  return ["-c", path, "-e", "/dev/null"];
}

function writeHttp(folder: string, name: string, body: string): string[] {
  const http = `${HTTP}\n${body}`.replaceAll("FOLDER", folder);
  return write(folder, name, `${COMMON}\nhttp { ${http} }`);
}

function writeStream(folder: string, name: string, body: string): string[] {
  return write(folder, name, `load_module ${STREAM_MODULE};\n${COMMON}\nstream { ${body} }`);
}

/** Configuration of a proxy from `port` to `to`; `serverTls` and `clientTls` empty: plaintext. */
type Kind = (
  port: number,
  serverTls: string,
  to: number,
  clientTls: ((directive: string) => string) | undefined,
) => string;

const listen = (port: number, tls: string, more = "") =>
  `listen 127.0.0.1:${port}${tls === "" ? "" : " ssl"}${more} backlog=4096; ${tls}`;
const pool = (to: number) =>
  `upstream next { server 127.0.0.1:${to}; keepalive 512; keepalive_requests 1000000000; }`;

const PLAIN: Kind = (port, tls, to, client) =>
  `${pool(to)} server { ${listen(port, tls)} location / {
proxy_pass ${client ? "https" : "http"}://next; ${ADDED} ${client?.("proxy_ssl") ?? ""} } }`;

/** nginx has no ordered list of paths and fields; fifty expressions in a row are the nearest to it. */
const RULED: Kind = (port, tls, to) => {
  const others = RULES.map((_, index) => `location ~ ^/shop/v${index}/ { return 404; }`).join("\n");
  const last = `location ~ ^/api/ { proxy_pass http://next; ${ADDED} }`;
  return `${pool(to)} server { ${listen(port, tls)} ${others} ${last} }`;
};

const GRPC: Kind = (port, tls, to, client) =>
  `http2_max_concurrent_streams 1000;
${pool(to)} server { ${listen(port, tls, " http2")} location / {
grpc_pass ${client ? "grpcs" : "grpc"}://next; ${GRPC_ADDED} ${client?.("grpc_ssl") ?? ""} } }`;

const TCP: Kind = (port, tls, to, client) =>
  `server { ${listen(port, tls)} proxy_pass 127.0.0.1:${to}; ${client ? `proxy_ssl on; ${client("proxy_ssl")}` : ""} }`;

function clientTls(files: CertificateFiles): (directive: string) => string {
  return (d) => `${d}_certificate ${files.chain}; ${d}_certificate_key ${files.key};
${d}_trusted_certificate ${files.roots}; ${d}_verify on; ${d}_name ${files.commonName};
${d}_protocols TLSv1.3; ${d}_session_reuse on;`;
}

function serverTls(files: CertificateFiles): string {
  return `ssl_certificate ${files.chain}; ssl_certificate_key ${files.key};
ssl_client_certificate ${files.roots}; ssl_verify_client on; ssl_protocols TLSv1.3;`;
}
