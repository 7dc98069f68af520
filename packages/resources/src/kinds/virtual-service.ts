import type { RouteMatch, StringMatch } from "@heddle/mesh";
import { z } from "zod";
import type {
  DocumentRoute,
  HostDestination,
  VirtualService,
} from "../documents/routing-documents.ts";
import { parseServiceHost, readHost } from "../service-host.ts";
import {
  dnsLabel,
  durationMs,
  fields,
  ignored,
  metadata,
  serviceHost,
  unserved,
} from "./fields.ts";
import { headerMatch, stringMatch } from "./string-match.ts";

const MAX_WEIGHT_SUM = 2 ** 32 - 1; // Envoy's cap on the weights of one route

const headerName = z
  .string()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, "expected a header name in lower case");
const headers = z.record(headerName, headerMatch);

const match = fields({
  name: ignored(),
  statPrefix: ignored(),
  uri: stringMatch({ allowEmptyPrefix: true }).optional(),
  ignoreUriCase: z.boolean().optional(),
  method: stringMatch({ allowEmptyPrefix: false }).optional(),
  authority: stringMatch({ allowEmptyPrefix: false }).optional(),
  headers: headers.optional(),
  withoutHeaders: headers.optional(),
  scheme: unserved(),
  port: unserved(),
  queryParams: unserved("match on uri, method, authority or headers"),
  sourceLabels: unserved(),
  sourceNamespace: unserved(),
  gateways: unserved(),
});

const destination = fields({
  host: serviceHost,
  subset: dnsLabel.optional(),
  port: fields({ number: z.number().int().min(1).max(65_535) }).optional(),
});

const weighted = fields({
  destination,
  weight: z
    .number()
    .int("expected a whole number, 0 or more")
    .min(0, "expected 0 or more")
    .optional(),
  headers: unserved(),
});

const route = z
  .array(weighted)
  .min(1, "expected at least one destination")
  .superRefine((list, context) => {
    if (list.length === 1) return; // a single destination takes all, whatever its weight
    const sum = list.reduce((total, { weight }) => total + (weight ?? 0), 0);
    if (sum === 0)
      context.addIssue("total destination weight = 0; give at least one a weight above 0");
    if (sum > MAX_WEIGHT_SUM)
      context.addIssue(`total destination weight ${sum} is above ${MAX_WEIGHT_SUM}`);
  });

const retries = z
  .strictObject(
    { attempts: z.literal(0) },
    { error: "Heddle does not serve retries yet; leave the field out or set attempts to 0" },
  )
  .optional();

const httpRoute = fields({
  name: z.string().min(1).max(253).optional(),
  match: z.array(match).optional(),
  route,
  timeout: durationMs.optional(),
  retries,
  fault: unserved(),
  mirror: unserved(),
  mirrors: unserved(),
  mirrorPercent: unserved(),
  mirrorPercentage: unserved(),
  redirect: unserved("every route needs `route` with destinations"),
  directResponse: unserved("every route needs `route` with destinations"),
  delegate: unserved("every route needs `route` with destinations"),
  rewrite: unserved(),
  headers: unserved(),
  corsPolicy: unserved(),
});

const spec = fields({
  hosts: z
    .array(serviceHost)
    .min(1, "expected at least one host (Heddle does not serve delegates yet)"),
  gateways: z
    .array(z.string())
    .refine(
      (names) => names.length === 0 || names.includes("mesh"),
      'expected the list to hold "mesh": Heddle has no gateways yet',
    )
    .optional(),
  exportTo: z
    .array(
      z.literal("*", {
        error: 'Heddle shows every document to the whole mesh; only "*" is served',
      }),
    )
    .optional(),
  http: z.array(httpRoute).min(1, "expected at least one route"),
  tcp: unserved("only http routes"),
  tls: unserved("only http routes"),
});

export const VirtualServiceSchema = z
  .object({ metadata, spec })
  .superRefine(({ metadata: { namespace }, spec: { hosts } }, context) => {
    const seen = new Map<string, string>();
    hosts.forEach((host, index) => {
      const service = parseServiceHost(host, namespace);
      const key = `${service?.namespace}/${service?.name}`;
      const before = seen.get(key);
      if (before !== undefined) {
        const message = `names the same service as ${JSON.stringify(before)}; name each once`;
        context.addIssue({ code: "custom", path: ["spec", "hosts", index], message });
      }
      seen.set(key, host);
    });
  })
  .transform(({ metadata: { namespace, name }, spec }): VirtualService => {
    const hosts = spec.hosts.map((host) => readHost(host, namespace));
    return {
      kind: "VirtualService",
      namespace,
      name,
      hosts,
      services: hosts.map(({ service }) => service),
      isForMesh: true,
      visibleTo: "*",
      routes: spec.http.map((http, index) => toRoute(http, index, namespace)),
      tcpRoutes: [],
      tlsRoutes: [],
    };
  });

function toRoute(http: z.infer<typeof httpRoute>, index: number, namespace: string): DocumentRoute {
  return {
    index,
    name: http.name ?? `route-${index + 1}`,
    matches: (http.match ?? []).map(toMatch),
    destinations: http.route.map((entry): HostDestination => {
      const weight = http.route.length === 1 ? 1 : (entry.weight ?? 0);
      const { host, subset } = entry.destination;
      return { ...readHost(host, namespace), subset, weight };
    }),
    timeoutMs: http.timeout,
  };
}

function toMatch(block: z.infer<typeof match>): RouteMatch {
  const sorted = (names: Record<string, StringMatch> | undefined) =>
    names && Object.fromEntries(Object.entries(names).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    uri: block.uri,
    ignoreUriCase: block.ignoreUriCase,
    method: block.method,
    authority: block.authority,
    headers: sorted(block.headers),
    withoutHeaders: sorted(block.withoutHeaders),
  };
}

/** What a VirtualService says that Heddle may safely pass over. */
export function warnOfVirtualService(document: VirtualServiceWire): string[] {
  const warnings: string[] = [];
  const { gateways, http } = document.spec;
  const others = gateways?.filter((name) => name !== "mesh") ?? [];
  if (others.length > 0) {
    warnings.push(`spec.gateways: Heddle has no gateways yet; ${others.join(", ")} ignored`);
  }
  http.forEach((entry, index) => {
    if (entry.route.some(({ destination }) => destination.port !== undefined)) {
      warnings.push(`spec.http[${index}].route: port ignored, a workload has one port in Heddle`);
    }
    const isLast = index === http.length - 1;
    const takesAll = (entry.match ?? []).length === 0 || entry.match?.some(isEmptyMatch) === true;
    if (takesAll && !isLast) {
      warnings.push(`spec.http[${index}]: matches every request; the routes after it never apply`);
    }
  });
  return warnings;
}

export type VirtualServiceWire = z.input<typeof VirtualServiceSchema>;

function isEmptyMatch(block: object): boolean {
  return Object.entries(block).every(
    ([name, value]) => value === undefined || name === "name" || name === "statPrefix",
  );
}
