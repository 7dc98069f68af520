import type { ProxyConfigResponse, RunningResource, ShapingDocument } from "@heddle/contracts";
import { z } from "zod";
import { formatTable } from "./table.ts";

/** What the tables read of a resource's content; a proxy of another version may have more. */
const Named = z.object({ namespace: z.string(), name: z.string() });
const Route = z.looseObject({
  name: z.string().default(""),
  matches: z.array(z.looseObject({})).default([]),
  destinations: z
    .array(
      z.looseObject({
        service: Named,
        subset: z.string().optional(),
        weight: z.number().optional(),
      }),
    )
    .default([]),
  redirect: z.unknown().optional(),
  directResponse: z.unknown().optional(),
});
const Service = z.looseObject({
  routes: z.array(Route).default([]),
  tcpRoutes: z.array(Route).default([]),
  tlsRoutes: z.array(Route).default([]),
  subsets: z.array(z.looseObject({ name: z.string() })).default([]),
  ports: z.array(z.looseObject({ number: z.number(), protocol: z.string() })).default([]),
  trafficPolicy: z.looseObject({}).optional(),
  overrides: z.array(z.unknown()).default([]),
});
const Endpoints = z.looseObject({
  endpoints: z
    .array(
      z.looseObject({
        address: z.string(),
        port: z.number(),
        namespace: z.string(),
        workload: z.string(),
        locality: z.string().optional(),
      }),
    )
    .default([]),
});

/** A proxy's own account as tables, part by part. */
export function formatProxyConfig(config: ProxyConfigResponse): string {
  const { part, name, version, revision, answerMs } = config;
  const wants = (one: string) => part === "all" || part === one;
  const services = config.resources.filter(({ kind }) => kind === "service");
  const sections = [
    `${name} (heddle ${version}) runs revision ${revision}, outbound policy ${config.outboundTrafficPolicy}; it answered in ${answerMs} ms`,
    ...(wants("routes") ? [formatRoutes(services)] : []),
    ...(wants("clusters") ? [formatClusters(services)] : []),
    ...(wants("endpoints") ? [formatEndpoints(config)] : []),
    ...(part === "all" ? [formatOthers(config)] : []),
    ...(wants("secret") ? [formatCertificates(config)] : []),
    ...differencesOf(config),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

function formatRoutes(services: readonly RunningResource[]): string {
  const rows = services.flatMap((resource) => {
    const { routes, tcpRoutes, tlsRoutes, overrides } = Service.parse(resource.content);
    const lists = { routes, tcpRoutes, tlsRoutes };
    const own = Object.entries(lists).flatMap(([list, all]) =>
      all.map((route, index) => [
        nameOf(resource),
        route.name,
        route.matches.length === 0 ? "any" : `${route.matches.length} matches`,
        targetsOf(route),
        originOf(resource, `${list}[${index}] `),
      ]),
    );
    const special =
      overrides.length === 0
        ? []
        : [[nameOf(resource), `+${overrides.length} rule sets for some callers`]];
    return [...own, ...special];
  });
  return formatTable(["SERVICE", "ROUTE", "MATCHES", "GOES TO", "FROM"], rows);
}

function targetsOf({ destinations, redirect, directResponse }: z.infer<typeof Route>): string {
  if (redirect !== undefined) return "(redirect)";
  if (directResponse !== undefined) return "(direct response)";
  return destinations
    .map(({ service, subset, weight }) => {
      const to = subset === undefined ? service.name : `${service.name} ${subset}`;
      return weight === undefined || destinations.length === 1 ? to : `${to} ${weight}`;
    })
    .join(", ");
}

function formatClusters(services: readonly RunningResource[]): string {
  const rows = services.flatMap((resource) => {
    const { subsets, ports, trafficPolicy } = Service.parse(resource.content);
    const listed = ports.map(({ number, protocol }) => `${number} (${protocol})`).join(", ") || "-";
    const blocks = Object.keys(trafficPolicy ?? {}).join(", ") || "-";
    const itself = [nameOf(resource), "-", listed, blocks, originOf(resource, "trafficPolicy.")];
    const parts = subsets.map((subset, index) => [
      nameOf(resource),
      subset.name,
      listed,
      "-",
      originOf(resource, `subsets[${index}] `),
    ]);
    return [itself, ...parts];
  });
  return formatTable(["SERVICE", "SUBSET", "PORTS", "POLICY", "FROM"], rows);
}

function formatEndpoints({ resources }: ProxyConfigResponse): string {
  const rows = resources
    .filter(({ kind }) => kind === "endpoints")
    .flatMap((resource) => {
      const { endpoints } = Endpoints.parse(resource.content);
      if (endpoints.length === 0) return [[nameOf(resource), "(none)"]];
      return endpoints.map(({ address, port, namespace, workload, locality = "-" }) => [
        nameOf(resource),
        `${address}:${port}`,
        `${namespace}/${workload}`,
        locality,
      ]);
    });
  return formatTable(["SERVICE", "ADDRESS", "WORKLOAD", "LOCALITY"], rows);
}

function formatOthers({ resources }: ProxyConfigResponse): string {
  const rows = resources
    .filter(({ kind }) => kind !== "service" && kind !== "endpoints")
    .map(({ key, version, revision = "-", documents }) => [
      key,
      version,
      String(revision),
      documents.map(formatDocument).join(", ") || "-",
    ]);
  return formatTable(["RESOURCE", "VERSION", "REVISION", "FROM"], rows);
}

function formatCertificates({ certificates }: ProxyConfigResponse): string {
  return formatTable(
    ["HOLDER", "SERIAL NUMBER", "ENDS", "ISSUER"],
    certificates.map(({ holder, serialNumber, notAfterMs, issuer }) => [
      holder ?? "(the proxy)",
      serialNumber,
      new Date(notAfterMs).toISOString(),
      issuer,
    ]),
  );
}

function differencesOf({ resources, missing, isTruncated }: ProxyConfigResponse): string[] {
  const lines = [
    ...resources.flatMap(({ key, standing, version, wantedVersion }) => {
      if (standing === "same") return [];
      if (standing === "surplus") return [`differs: ${key} is not to be there (any more)`];
      return [`differs: ${key} runs version ${version}, is to run ${wantedVersion}`];
    }),
    ...missing.map(({ key, version }) => `differs: ${key} version ${version} is missing`),
    ...(isTruncated ? ["the proxy has more than one answer may hold; the rest is left out"] : []),
  ];
  return lines.length === 0 ? ["it runs what it is to run"] : [lines.join("\n")];
}

function nameOf({ key }: RunningResource): string {
  return key.slice(key.indexOf("/") + 1);
}

/** The documents behind the parts that begin like that; `-`: a default. */
function originOf({ parts }: RunningResource, start: string): string {
  const documents = parts
    .filter(({ part }) => part.startsWith(start))
    .map(({ document }) => formatDocument(document));
  return [...new Set(documents)].join(", ") || "-";
}

function formatDocument({ kind, namespace, name, revision }: ShapingDocument): string {
  return `${kind} ${namespace}/${name}@${revision}`;
}
