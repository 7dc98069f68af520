import { compileRoutes, compileTcpRoutes } from "@heddle/mesh";
import { z } from "zod";
import type { VirtualService } from "../documents/routing-documents.ts";
import { differing, fields, warnIf } from "../schema/field-status.ts";
import { readHost } from "../service-host.ts";
import { findCompileFault } from "./compile-fault.ts";
import { documentOf } from "./document-schema.ts";
import {
  coversHost,
  exportTo,
  gatewayNames,
  holdsForMesh,
  readVisibility,
  wildcardHost,
} from "./hosts.ts";
import { takesAll } from "./http-match.ts";
import { httpRoute, toDocumentRoute } from "./http-route.ts";
import { tcpRoute, tlsRoute, toDocumentTcpRoute } from "./l4-route.ts";

const spec = warnIf(
  fields({
    hosts: differing(
      "two VirtualServices for one host that one caller sees are refused; Istio passes over the younger in silence",
      z.array(wildcardHost).optional(),
    ),
    gateways: differing(
      "only mesh is served; a rule for gateways alone is kept and routes nothing",
      gatewayNames.optional(),
    ),
    exportTo,
    http: z.array(httpRoute).optional(),
    tcp: z.array(tcpRoute).optional(),
    tls: z.array(tlsRoute).optional(),
  }),
  ({ gateways = [] }) => {
    const others = gateways.filter((name) => name !== "mesh");
    if (others.length === 0) return undefined;
    const message = holdsForMesh(gateways)
      ? `Heddle has no gateways yet; ${others.join(", ")} ignored`
      : `Heddle has no gateways yet, and "mesh" is not in the list: the document is kept and routes nothing`;
    return [{ at: ["gateways"], message }];
  },
);
type Spec = z.output<typeof spec>;

export const VirtualServiceSchema = documentOf(spec)
  .superRefine(({ metadata: { namespace }, spec }, context) => {
    for (const { at, message } of findFaults(spec, namespace)) {
      context.addIssue({ code: "custom", path: ["spec", ...at], message });
    }
  })
  .transform(({ metadata: { namespace, name }, spec }, context): VirtualService => {
    const hosts = distinct(spec.hosts ?? [], namespace);
    // What proxies would refuse is refused here, by the very code that they run.
    const check = (field: string, index: number, compile: () => unknown) => {
      const message = findCompileFault(compile);
      if (message) context.addIssue({ code: "custom", path: ["spec", field, index], message });
    };
    const take = <T, R>(
      list: readonly T[] | undefined,
      read: (one: T, index: number) => R | undefined,
    ) => (list ?? []).flatMap((one, index) => read(one, index) ?? []);
    return {
      kind: "VirtualService",
      namespace,
      name,
      hosts,
      services: hosts.map(({ service }) => service),
      isForMesh: holdsForMesh(spec.gateways),
      visibleTo: readVisibility(spec.exportTo, namespace, false).visibleTo,
      routes: take(spec.http, (one, index) => {
        const route = toDocumentRoute(one, index, namespace);
        if (route && !route.delegate) check("http", index, () => compileRoutes([route]));
        return route;
      }),
      tcpRoutes: take(spec.tcp, (one, index) => {
        const route = toDocumentTcpRoute(one, "tcp", index, namespace);
        if (route) check("tcp", index, () => compileTcpRoutes([route]));
        return route;
      }),
      tlsRoutes: take(spec.tls, (one, index) => {
        const route = toDocumentTcpRoute(one, "tls", index, namespace);
        if (route) check("tls", index, () => compileTcpRoutes([route]));
        return route;
      }),
    };
  });

/** `reviews` and `reviews.shop` in shop are one host. */
function distinct(hosts: readonly string[], namespace: string) {
  const refs = hosts.map((host) => readHost(host, namespace));
  const key = ({ service }: (typeof refs)[number]) => `${service.namespace}/${service.name}`;
  return refs.filter((ref, index) => refs.findIndex((other) => key(other) === key(ref)) === index);
}

type SpecFault = { readonly at: readonly PropertyKey[]; readonly message: string };

function findFaults(spec: Spec, namespace: string): SpecFault[] {
  const { hosts = [], http = [], tcp = [], tls = [], gateways = [] } = spec;
  const faults: SpecFault[] = [];
  if (hosts.length === 0) faults.push(...findDelegateFaults(spec));
  if (http.length + tcp.length + tls.length === 0) {
    faults.push({ at: ["http"], message: "http, tcp or tls must be provided in virtual service" });
  }
  hosts.forEach((host, index) => {
    if (host === "*" && holdsForMesh(gateways)) {
      const message =
        "wildcard host * is not allowed for virtual services bound to the mesh gateway; name hosts such as *.shop.svc.cluster.local";
      faults.push({ at: ["hosts", index], message });
    }
    const earlier = hosts
      .slice(0, index)
      .find((other) => coversHost(other, host) || coversHost(host, other));
    if (earlier !== undefined) {
      const message = `duplicate hosts in virtual service: ${earlier} & ${host}`;
      faults.push({ at: ["hosts", index], message });
    }
  });
  const { fault } = readVisibility(spec.exportTo, namespace, false);
  if (fault) faults.push({ at: ["exportTo"], message: fault });
  tls.forEach(({ match }, route) => {
    match.forEach(({ sniHosts }, block) => {
      sniHosts.forEach((sni, index) => {
        if (hosts.some((host) => coversHost(host, sni)) || /^[\d.]+$|:/.test(sni)) return;
        const message = `SNI host ${JSON.stringify(sni)} is not a compatible subset of any of the virtual service hosts: [${hosts.join(", ")}]`;
        faults.push({ at: ["tls", route, "match", block, "sniHosts", index], message });
      });
    });
  });
  return faults;
}

/** A document without hosts holds only where a root's route delegates to it. */
function findDelegateFaults({ gateways = [], http = [], tcp = [], tls = [] }: Spec): SpecFault[] {
  const without = (field: string, what: string): SpecFault => ({
    at: [field],
    message: `delegate virtual service must have no ${what} specified (it has no hosts); take it out, or name hosts`,
  });
  return [
    ...(gateways.length > 0 ? [without("gateways", "gateways")] : []),
    ...(tls.length > 0 ? [without("tls", "tls route")] : []),
    ...(tcp.length > 0 ? [without("tcp", "tcp route")] : []),
    ...http.flatMap(({ delegate }, index): SpecFault[] => {
      if (delegate === undefined) return [];
      const message = "delegate HTTP route cannot contain delegate: only one level is served";
      return [{ at: ["http", index, "delegate"], message }];
    }),
  ];
}

/** Routes that can never be reached: an earlier one takes every request, or has the same matches. */
export function findUnreachable(resource: VirtualService): string[] {
  const warnings: string[] = [];
  const seen = new Map<string, number>();
  const { routes } = resource;
  const catchAll = routes.findIndex(
    ({ matches }) => matches.length === 0 || matches.some(takesAll),
  );
  routes.forEach(({ matches, index }, position) => {
    const at = `spec.http[${index}]`;
    if (catchAll >= 0 && position === catchAll && position < routes.length - 1) {
      warnings.push(`${at}: matches every request; the routes after it never apply`);
    }
    const keys = matches.map((match) => JSON.stringify({ ...match, name: undefined }));
    const twins = keys.map((key) => seen.get(key));
    if (keys.length > 0 && twins.every((twin) => twin !== undefined)) {
      const message = "all matches used by prior rules; it never applies";
      warnings.push(`${at}: virtualService rule not used (${message})`);
    } else {
      twins.forEach((twin, match) => {
        if (twin === undefined) return;
        warnings.push(`${at}.match[${match}]: is not used, spec.http[${twin}] has the same match`);
      });
    }
    for (const key of keys) if (!seen.has(key)) seen.set(key, index);
  });
  return warnings;
}
