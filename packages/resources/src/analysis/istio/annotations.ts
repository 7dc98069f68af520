import { isIP, isIPv4 } from "node:net";
import { parse } from "yaml";
import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { isFields } from "../fields.ts";
import { ANNOTATIONS } from "./annotation-definitions.ts";

const IGNORED = new Set([
  "sidecar.istio.io/status",
  "gateway.istio.io/controller-version",
  "istio.io/rev",
]);
const INJECT = "sidecar.istio.io/inject";

/** IST0107, 0108, 0125, 0135: annotations nobody reads, in the wrong place, given up or unreadable. */
export const checkAnnotations: Analyzer = (mesh, report) => {
  for (const kind of ["Namespace", "Service", "Pod", "Deployment"]) {
    for (const document of mesh.of(kind)) {
      for (const [name, value] of Object.entries(document.annotations)) {
        if (!isOfIstio(name) || IGNORED.has(name)) continue;
        const found = judge(document, name, value);
        for (const { code, why } of found) {
          report(document, code, { path: ["metadata", "annotations", name], why });
        }
      }
    }
  }
};

type Judgement = {
  readonly code: "IST0107" | "IST0108" | "IST0125" | "IST0135";
  readonly why: string;
};

function judge({ kind, labels }: AnalysisDocument, name: string, value: string): Judgement[] {
  const definition = ANNOTATIONS.get(name);
  if (!definition) return [{ code: "IST0108", why: `nobody reads the annotation ${name}` }];
  const { kinds, isDeprecated } = definition;
  const found: Judgement[] = [];
  if (isDeprecated && !(name === INJECT && labels[INJECT] !== undefined)) {
    const instead = name === INJECT ? ", in favour of the label of that name" : "";
    found.push({ code: "IST0135", why: `the annotation ${name} has been given up${instead}` });
  }
  if (kinds.includes("Any")) return found;
  if (!kinds.includes(kind)) {
    const why = `the annotation ${name} can only be applied to ${kinds.join(", ")}`;
    return [...found, { code: "IST0107", why }];
  }
  const fault = CHECKS[name]?.(value);
  if (fault === undefined) return found;
  return [...found, { code: "IST0125", why: `the annotation ${name} ${fault}` }];
}

function isOfIstio(name: string): boolean {
  return name === "kubernetes.io/ingress.class" || (name.split("/")[0] ?? "").endsWith("istio.io");
}

type Check = (value: string) => string | undefined;

const bad = (value: string, expected: string) =>
  `is ${JSON.stringify(value)}; expected ${expected}`;

const matches =
  (pattern: RegExp, expected: string): Check =>
  (value) =>
    pattern.test(value) ? undefined : bad(value, expected);

const isPort = (text: string) => /^\d{1,5}$/.test(text.trim()) && Number(text) <= 65_535;
const ports: Check = (value) =>
  value.trim() === "" || value.split(",").every(isPort)
    ? undefined
    : bad(value, "ports from 0 to 65535, by commas");

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  if (rest.length > 0 || isIP(address) === 0 || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (isIPv4(address) ? 32 : 128);
}
const cidrs: Check = (value) =>
  value === "" || value.split(",").every(isCidr) ? undefined : bad(value, "CIDRs, by commas");

const orStar =
  (check: Check): Check =>
  (value) =>
    value === "*" ? undefined : check(value);

const unsigned: Check = (value) =>
  /^\d{1,10}$/.test(value) && Number(value) <= 4_294_967_295
    ? undefined
    : bad(value, "a whole number from 0");
const truth = matches(/^(1|0|t|f|T|F|true|false|TRUE|FALSE|True|False)$/, "true or false");
const quantity = matches(
  /^[+-]?(\d+(\.\d*)?|\.\d+)(n|u|m|k|M|G|T|P|E|[KMGTPE]i|[eE][+-]?\d+)?$/,
  "a quantity such as 100m or 128Mi",
);
const interfaces: Check = (value) =>
  value === "" || value.split(",").every((name) => /^[^\s/:]{1,15}$/.test(name.trim()))
    ? undefined
    : bad(value, "names of network interfaces, by commas");

const proxyConfig: Check = (value) => {
  try {
    const read: unknown = parse(value);
    return isFields(read) || read === null ? undefined : bad(value, "a map of settings");
  } catch (error) {
    if (error instanceof Error) return `cannot be read as YAML: ${error.message.split("\n")[0]}`;
    throw error;
  }
};

const CHECKS: Readonly<Record<string, Check>> = {
  "sidecar.istio.io/interceptionMode": matches(
    /^(REDIRECT|TPROXY|NONE)$/,
    "REDIRECT, TPROXY or NONE",
  ),
  "status.sidecar.istio.io/port": (value) =>
    isPort(value) ? undefined : bad(value, "a port from 0 to 65535"),
  "readiness.status.sidecar.istio.io/initialDelaySeconds": unsigned,
  "readiness.status.sidecar.istio.io/periodSeconds": unsigned,
  "readiness.status.sidecar.istio.io/failureThreshold": unsigned,
  "traffic.sidecar.istio.io/includeOutboundIPRanges": orStar(cidrs),
  "traffic.sidecar.istio.io/excludeOutboundIPRanges": cidrs,
  "traffic.sidecar.istio.io/includeInboundPorts": orStar(ports),
  "traffic.sidecar.istio.io/excludeInboundPorts": ports,
  "traffic.sidecar.istio.io/excludeOutboundPorts": ports,
  "traffic.sidecar.istio.io/excludeInterfaces": interfaces,
  "traffic.sidecar.istio.io/kubevirtInterfaces": interfaces,
  "istio.io/reroute-virtual-interfaces": interfaces,
  "prometheus.istio.io/merge-metrics": truth,
  "proxy.istio.io/config": proxyConfig,
  "sidecar.istio.io/proxyCPU": quantity,
  "sidecar.istio.io/proxyMemory": quantity,
  "sidecar.istio.io/proxyCPULimit": quantity,
  "sidecar.istio.io/proxyMemoryLimit": quantity,
};
