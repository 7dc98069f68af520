import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePorts } from "@heddle/testkit";
import { findProgram, MEASURED_CORE, start, whenListening } from "../processes.ts";
import type { CertificateFiles, Contestant, Shape, Surroundings } from "./subject.ts";

const COMMON = `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  http-reuse always
  retries 1
`;
const ADDED = `  unique-id-format %{+X}o%ci%cp%Ts%rt%pid
  unique-id-header X-Request-Id
  option forwardfor
  http-request set-header X-Request-Start %[date]
`;

/** HAProxy as a bare reverse proxy: one thread, kept-alive upstreams shared by all clients, no log. */
export async function startHaproxy(
  shape: Shape,
  { folder, upstreamPort, files }: Surroundings,
): Promise<Contestant | undefined> {
  const haproxy = findProgram("haproxy");
  if (haproxy === undefined) return undefined;
  const [front = 0, back = 0] = await findFreePorts(2);
  const run = (name: string, config: string) => {
    const path = join(folder, `haproxy-${name}.cfg`);
    writeFileSync(path, `${COMMON}${config}`);
    return start(MEASURED_CORE, haproxy, ["-db", "-f", path]).pid as number;
  };
  const pids =
    shape === "hop"
      ? [run("hop", proxy(`127.0.0.1:${front}`, `127.0.0.1:${upstreamPort}`))]
      : [
          run("front", proxy(`127.0.0.1:${front}`, `127.0.0.1:${back} ${client(files)}`)),
          run("back", proxy(`127.0.0.1:${back} ${server(files)}`, `127.0.0.1:${upstreamPort}`)),
        ];
  await whenListening(front);
  return { name: "haproxy", port: front, host: "plain", pids };
}

function proxy(bind: string, upstream: string): string {
  return `frontend in\n  bind ${bind}\n${ADDED}  default_backend out\nbackend out\n  server next ${upstream}\n`;
}

const TLS_1_3 = "ssl-min-ver TLSv1.3";

function client({ bundle, roots }: CertificateFiles): string {
  return `ssl crt ${bundle} verify required ca-file ${roots} ${TLS_1_3}`;
}

function server({ bundle, roots }: CertificateFiles): string {
  return `ssl crt ${bundle} verify required ca-file ${roots} ${TLS_1_3}`;
}
