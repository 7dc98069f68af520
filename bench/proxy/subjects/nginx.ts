import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePorts } from "@heddle/testkit";
import { findProgram, LOAD_CORE, MEASURED_CORE, start, whenListening } from "../processes.ts";
import type { CertificateFiles, Contestant, Shape, Surroundings } from "./subject.ts";

const COMMON = `worker_processes 1; error_log /dev/null crit; daemon off;
events { worker_connections 8192; }`;
const HTTP = `access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
client_body_temp_path FOLDER; proxy_temp_path FOLDER; fastcgi_temp_path FOLDER;
uwsgi_temp_path FOLDER; scgi_temp_path FOLDER;`;
/** Three fields on top; Heddle adds more. */
const ADDED = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-Start $msec;
proxy_set_header X-Request-Id $request_id; proxy_request_buffering off;`;

/** nginx as a bare reverse proxy: one worker, kept-alive upstreams, no access log. */
export async function startNginx(
  shape: Shape,
  { folder, upstreamPort, files }: Surroundings,
): Promise<Contestant | undefined> {
  const nginx = findProgram("nginx");
  if (nginx === undefined) return undefined;
  const [front = 0, back = 0] = await findFreePorts(2);
  const run = (name: string, http: string) =>
    start(MEASURED_CORE, nginx, write(folder, name, http)).pid as number;
  const pids =
    shape === "hop"
      ? [run("hop", hop(front, upstreamPort))]
      : [run("front", frontOf(front, back, files)), run("back", backOf(back, upstreamPort, files))];
  await whenListening(front);
  return { name: "nginx", port: front, host: "plain", pids };
}

/** Starts an nginx that answers every request with 1 KiB; false: there is no nginx. */
export function startNginxUpstream(folder: string, port: number): boolean {
  const nginx = findProgram("nginx");
  if (nginx === undefined) return false;
  const http = `server { listen 127.0.0.1:${port} backlog=4096; location / { default_type text/plain; return 200 "${"x".repeat(1_024)}"; } }`;
  start(LOAD_CORE, nginx, write(folder, "upstream", http));
  return true;
}

function write(folder: string, name: string, http: string): string[] {
  const path = join(folder, `nginx-${name}.conf`);
  const body = `${HTTP}\n${http}`.replaceAll("FOLDER", folder);
  writeFileSync(path, `pid ${join(folder, `nginx-${name}.pid`)}; ${COMMON}\nhttp { ${body} }\n`);
  return ["-c", path, "-e", "/dev/null"];
}

const pool = (port: number) =>
  `upstream next { server 127.0.0.1:${port}; keepalive 512; keepalive_requests 1000000000; }`;

function hop(port: number, to: number): string {
  return `${pool(to)} server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://next; ${ADDED} } }`;
}

function frontOf(port: number, to: number, files: CertificateFiles): string {
  return `${pool(to)} server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass https://next; ${ADDED}
proxy_ssl_certificate ${files.chain}; proxy_ssl_certificate_key ${files.key}; proxy_ssl_trusted_certificate ${files.roots};
proxy_ssl_verify on; proxy_ssl_name ${files.commonName}; proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on; } }`;
}

function backOf(port: number, to: number, files: CertificateFiles): string {
  return `${pool(to)} server { listen 127.0.0.1:${port} ssl backlog=4096; ssl_certificate ${files.chain};
ssl_certificate_key ${files.key}; ssl_client_certificate ${files.roots}; ssl_verify_client on; ssl_protocols TLSv1.3;
location / { proxy_pass http://next; ${ADDED} } }`;
}
