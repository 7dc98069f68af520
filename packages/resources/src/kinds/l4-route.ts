import { isIP } from "node:net";
import type { SourceSelector, TcpMatch } from "@heddle/mesh";
import { z } from "zod";
import type { DocumentTcpRoute } from "../documents/routing-documents.ts";
import { differing, fields, unserved, warnIf } from "../schema/field-status.ts";
import {
  checkWeights,
  destination,
  readDestination,
  warnOfWeights,
  weight,
} from "./destination.ts";
import { cidr, dnsLabel, labels, portOrNone } from "./fields.ts";
import { gatewayNames, holdsForMesh, wildcardHost } from "./hosts.ts";
import { withoutUndefined } from "./http-match.ts";

const l4Match = {
  destinationSubnets: z.array(cidr).optional(),
  port: portOrNone.optional(),
  sourceLabels: labels.optional(),
  sourceNamespace: dnsLabel.or(z.literal("")).optional(),
  gateways: differing("a match for gateways alone never applies", gatewayNames.optional()),
};

const GATEWAYS_ALONE = "is for gateways alone, and Heddle has none: this match never applies";

const tcpMatch = warnIf(
  fields({
    ...l4Match,
    sourceSubnet: unserved("Istio itself does not serve it; select the callers by sourceLabels"),
  }),
  ({ gateways }) => (holdsForMesh(gateways) ? undefined : GATEWAYS_ALONE),
);

const tlsMatch = warnIf(
  fields({
    ...l4Match,
    sniHosts: z.array(wildcardHost).min(1, "TLS match must have at least one SNI host"),
  }),
  ({ gateways, sniHosts }) => {
    if (!holdsForMesh(gateways)) return GATEWAYS_ALONE;
    return sniHosts.flatMap((host, index) => {
      if (isIP(host) === 0) return [];
      const message = "an IP address goes against the SNI spec and most clients do not send one";
      return [{ at: ["sniHosts", index], message }];
    });
  },
);

const l4Destinations = warnIf(
  z
    .array(fields({ destination, weight }))
    .min(1, "TCP or TLS route is required: expected at least one destination")
    .superRefine(checkWeights),
  warnOfWeights,
);

/** TCPRoute. */
export const tcpRoute = fields({ match: z.array(tcpMatch).optional(), route: l4Destinations });
/** TLSRoute: passed through by the name the client asks for. */
export const tlsRoute = fields({
  match: z.array(tlsMatch).min(1, "TLS route must have at least one match condition"),
  route: l4Destinations,
});

type Written = {
  readonly match?: readonly (z.output<typeof tcpMatch> | z.output<typeof tlsMatch>)[] | undefined;
  readonly route: z.output<typeof l4Destinations>;
};

/** `undefined`: every match of it is for gateways alone. */
export function toDocumentTcpRoute(
  written: Written,
  kind: "tcp" | "tls",
  index: number,
  namespace: string,
): DocumentTcpRoute | undefined {
  const blocks = written.match ?? [];
  const matches = blocks.filter(({ gateways }) => holdsForMesh(gateways)).map(toMatch);
  if (matches.length === 0 && blocks.length > 0) return undefined;
  return {
    index,
    name: `${kind}-${index + 1}`,
    matches,
    destinations: written.route.map((entry) =>
      withoutUndefined({
        ...readDestination(entry.destination, namespace),
        weight: written.route.length === 1 ? 1 : (entry.weight ?? 0),
      }),
    ),
  };
}

function toMatch(block: z.output<typeof tcpMatch> | z.output<typeof tlsMatch>): TcpMatch {
  return withoutUndefined({
    sniHosts: "sniHosts" in block ? block.sniHosts.map((host) => host.toLowerCase()) : undefined,
    destinationSubnets: block.destinationSubnets?.length ? block.destinationSubnets : undefined,
    port: block.port,
    source: toSource(block),
  });
}

function toSource(block: {
  readonly gateways?: readonly string[] | undefined;
  readonly sourceNamespace?: string | undefined;
  readonly sourceLabels?: Readonly<Record<string, string>> | undefined;
}): SourceSelector | undefined {
  if ((block.gateways ?? []).length > 0) return undefined; // as in Istio: then nobody looks at the source
  const labels = Object.keys(block.sourceLabels ?? {}).length > 0 ? block.sourceLabels : undefined;
  const namespaces = block.sourceNamespace ? [block.sourceNamespace] : undefined;
  return labels || namespaces ? withoutUndefined({ namespaces, labels }) : undefined;
}
