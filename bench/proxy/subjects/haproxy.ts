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

const commonOf = (mode: "http" | "tcp") => `global
  nbthread 1
  maxconn 4096
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  retries 1
`;
const HTTP = `  unique-id-format %{+X}o%ci%cp%Ts%rt%pid
  unique-id-header X-Request-Id
  option forwardfor
  http-request set-header X-Request-Start %[date]
`;

/** HAProxy as a bare proxy: one thread, kept-alive upstreams shared by all clients, no log. */
export async function startHaproxy(
  shape: Shape,
  { folder, upstreamPorts, files }: Surroundings,
): Promise<Contestant | undefined> {
  const haproxy = findProgram("haproxy");
  if (haproxy === undefined) return undefined;
  const [front = 0, back = 0] = await findFreePorts(2);
  const protocol = shape.startsWith("grpc") ? "grpc" : shape.startsWith("tcp") ? "tcp" : "http";
  const run = (name: string, bind: string, server: string) => {
    const path = join(folder, `haproxy-${name}.cfg`);
    const rules = shape === "rules" ? rulesFirst() : "";
    writeFileSync(path, configOf(protocol, bind, server, rules));
    return start(MEASURED_CORE, haproxy, ["-db", "-q", "-f", path]).pid as number;
  };
  const at = (port: number) => `127.0.0.1:${port}`;
  const upstream = at(upstreamPorts[protocol]);
  const pids = isPair(shape)
    ? [
        run(`${shape}-front`, at(front), `${at(back)} ${tls(files)}${alpn(protocol)}`),
        run(`${shape}-back`, `${at(back)} ${tls(files)}${alpn(protocol)}`, upstream),
      ]
    : [run(shape, at(front), upstream)];
  await whenListening(front);
  return { name: "haproxy", port: front, host: "plain", pids };
}

function configOf(
  protocol: "http" | "grpc" | "tcp",
  bind: string,
  server: string,
  rules: string,
): string {
  const h2 = (where: string) =>
    protocol === "grpc" && !where.includes(" ssl ") ? " proto h2" : "";
  const isTcp = protocol === "tcp";
  return `${commonOf(isTcp ? "tcp" : "http")}frontend in
  bind ${bind}${h2(bind)}
${isTcp ? "" : HTTP}${rules}  default_backend out
backend out
${isTcp ? "" : "  http-reuse always\n"}  server next ${server}${h2(server)}
`;
}

function rulesFirst(): string {
  return RULES.map((rule) =>
    rule.prefix === undefined
      ? `  use_backend out if { req.hdr(${rule.field}) -m str ${rule.value} }\n`
      : `  use_backend out if { path_beg ${rule.prefix} }\n`,
  ).join("");
}

function tls({ bundle, roots }: CertificateFiles): string {
  return `ssl crt ${bundle} verify required ca-file ${roots} ssl-min-ver TLSv1.3`;
}

function alpn(protocol: string): string {
  return protocol === "grpc" ? " alpn h2" : "";
}
