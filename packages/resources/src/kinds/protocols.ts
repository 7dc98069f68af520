import type { PortProtocol } from "@heddle/mesh";
import { z } from "zod";

/** Istio's names for protocols, and what a Heddle proxy speaks for each. */
const PROTOCOLS: Readonly<Record<string, PortProtocol>> = {
  http: "http",
  "http-proxy": "http",
  "grpc-web": "http",
  http2: "http2",
  grpc: "grpc",
  https: "tls",
  tls: "tls",
  tcp: "tcp",
  mongo: "tcp",
  mysql: "tcp",
  redis: "tcp",
};
/** Kubernetes' own values of appProtocol. */
const APP_PROTOCOLS: Readonly<Record<string, PortProtocol>> = {
  "kubernetes.io/h2c": "http2",
  "kubernetes.io/ws": "http",
  "kubernetes.io/wss": "tls",
};
/** Ports where the server speaks first or the protocol is well known: SMTP, DNS, MySQL, MongoDB. */
const TCP_PORTS = new Set([25, 53, 3306, 27_017]);

const NAMES = Object.keys(PROTOCOLS).map((name) => name.toUpperCase());

/** `HTTP`, `GRPC`, `TCP` …, in any case; `""`: not declared. UDP is known and not carried. */
export const protocolName = z
  .string()
  .max(256)
  .refine(
    (name) => name === "" || isUdp(name) || findProtocol(name) !== undefined,
    `unsupported protocol; expected one of ${NAMES.join(", ")}`,
  );

export function isUdp(name: string | undefined): boolean {
  return name?.toUpperCase() === "UDP";
}

/** `auto` for a name that says nothing. */
export function toProtocol(name: string | undefined): PortProtocol {
  return findProtocol(name ?? "") ?? "auto";
}

/** Of a Service's port: `appProtocol`, else its name (`grpc-orders`), else its number (Istio's order). */
export function protocolOfServicePort(port: {
  readonly number: number;
  readonly name: string | undefined;
  readonly appProtocol: string | undefined;
}): PortProtocol {
  const { number, name = "", appProtocol = "" } = port;
  const declared = own(APP_PROTOCOLS, appProtocol) ?? findProtocol(appProtocol);
  if (declared) return declared;
  const prefix = /^grpc-web(-|$)/.test(name) ? "grpc-web" : (name.split("-")[0] ?? "");
  return findProtocol(prefix) ?? (TCP_PORTS.has(number) ? "tcp" : "auto");
}

function findProtocol(name: string): PortProtocol | undefined {
  return own(PROTOCOLS, name.toLowerCase().replace("_", "-"));
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
