import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestCertificate } from "@heddle/testkit";

const COMMON = `worker_processes 1; error_log /dev/null crit; daemon off;
events { worker_connections 8192; }`;
const HTTP = `access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
client_body_temp_path FOLDER; proxy_temp_path FOLDER; fastcgi_temp_path FOLDER;
uwsgi_temp_path FOLDER; scgi_temp_path FOLDER;`;
/** The three headers the spike's proxies added; ours adds more. */
const ADDED = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-Start $msec;
proxy_set_header X-Request-Id $request_id; proxy_request_buffering off;`;

function write(folder: string, name: string, http: string): string[] {
  const path = join(folder, `${name}.conf`);
  const body = `${HTTP}\n${http}`.replaceAll("FOLDER", folder);
  writeFileSync(path, `pid ${join(folder, `${name}.pid`)}; ${COMMON}\nhttp { ${body} }\n`);
  return ["-c", path, "-e", "/dev/null"];
}

/** Answers every request with 1 KiB. */
export function upstreamConfig(folder: string, port: number): string[] {
  return write(
    folder,
    "upstream",
    `server { listen 127.0.0.1:${port} backlog=4096; location / { default_type text/plain; return 200 "${"x".repeat(1_024)}"; } }`,
  );
}

const pool = (port: number) =>
  `upstream next { server 127.0.0.1:${port}; keepalive 512; keepalive_requests 1000000000; }`;

/** One plaintext hop. */
export function hopConfig(folder: string, port: number, to: number): string[] {
  return write(
    folder,
    "hop",
    `${pool(to)} server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://next; ${ADDED} } }`,
  );
}

/** Two hops with mutual TLS 1.3 between them; both certificates are checked. */
export function pairConfigs(
  folder: string,
  ports: { front: number; back: number; to: number },
  certificate: TestCertificate,
  trustBundlePem: string,
): { front: string[]; back: string[] } {
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const key = file("key.pem", certificate.keyPem);
  const chain = file("chain.pem", certificate.chainPem);
  const roots = file("roots.pem", trustBundlePem);
  return {
    front: write(
      folder,
      "front",
      `${pool(ports.back)} server { listen 127.0.0.1:${ports.front} backlog=4096; location / { proxy_pass https://next; ${ADDED}
proxy_ssl_certificate ${chain}; proxy_ssl_certificate_key ${key}; proxy_ssl_trusted_certificate ${roots};
proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on; } }`,
    ),
    back: write(
      folder,
      "back",
      `${pool(ports.to)} server { listen 127.0.0.1:${ports.back} ssl backlog=4096; ssl_certificate ${chain};
ssl_certificate_key ${key}; ssl_client_certificate ${roots}; ssl_verify_client on; ssl_protocols TLSv1.3;
location / { proxy_pass http://next; ${ADDED} } }`,
    ),
  };
}
