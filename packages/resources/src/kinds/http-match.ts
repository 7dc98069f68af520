import type { RouteMatch, StringMatch } from "@heddle/mesh";
import { z } from "zod";
import { differing, fields, ignored, warnIf } from "../schema/field-status.ts";
import { dnsLabel, labels, portOrNone } from "./fields.ts";
import { gatewayNames, holdsForMesh } from "./hosts.ts";
import { namedMatch, textMatch, uriMatch } from "./string-match.ts";

const HEADER_NAME = /^[-_A-Za-z0-9]+$/;
const CLAIM = /^@request\.auth\.claims[.[]/;
/** Istio matches these by their own fields and passes over them among the headers. */
const PSEUDO = new Set(["uri", "scheme", "method", "authority"]);

/** Matches by header name; names have no case. */
export const headerMatches = warnIf(
  z.record(z.string(), namedMatch).superRefine((headers, context) => {
    const names = Object.keys(headers);
    names.forEach((name, index) => {
      const issue = (message: string) =>
        context.addIssue({ code: "custom", path: [name], message });
      if (CLAIM.test(name)) {
        issue(`JWT claim based routing (key: ${name}) is only supported for gateway; leave it out`);
      } else if (!HEADER_NAME.test(name)) {
        issue("is not a valid header name; expected letters, digits, - and _");
      } else if (names.findIndex((one) => one.toLowerCase() === name.toLowerCase()) !== index) {
        issue("names the same header as an earlier one: names have no case; keep one");
      }
    });
  }),
  (headers) =>
    Object.keys(headers).flatMap((name) => {
      if (!PSEUDO.has(name)) return [];
      const message = `is ignored, as in Istio: match on the field ${name} beside headers`;
      return [{ at: [name], message }];
    }),
);

/** HTTPMatchRequest. */
export const httpMatch = warnIf(
  fields({
    name: z.string().optional(),
    uri: uriMatch.optional(),
    scheme: textMatch.optional(),
    method: textMatch.optional(),
    authority: textMatch.optional(),
    headers: headerMatches.optional(),
    withoutHeaders: headerMatches.optional(),
    queryParams: z.record(z.string().min(1), namedMatch).optional(),
    ignoreUriCase: z.boolean().optional(),
    port: portOrNone.optional(),
    sourceLabels: labels.optional(),
    sourceNamespace: dnsLabel.or(z.literal("")).optional(),
    gateways: differing("a match for gateways alone never applies", gatewayNames.optional()),
    statPrefix: ignored("Heddle's metrics are named by source and destination, not by route"),
  }),
  (written) => {
    if (written.gateways === undefined || written.gateways.length === 0) return undefined;
    if (!holdsForMesh(written.gateways)) {
      return "is for gateways alone, and Heddle has none: this match never applies";
    }
    return written.sourceLabels !== undefined || written.sourceNamespace !== undefined
      ? "sourceLabels and sourceNamespace are not looked at beside gateways, as in Istio"
      : undefined;
  },
);

type HttpMatch = Partial<z.output<typeof httpMatch>>;

/** `undefined`: a match for gateways alone. */
export function toRouteMatch(block: HttpMatch): RouteMatch | undefined {
  if (!holdsForMesh(block.gateways)) return undefined;
  const isSourceBound = (block.gateways ?? []).length === 0;
  const namespaces = block.sourceNamespace ? [block.sourceNamespace] : undefined;
  const labels = Object.keys(block.sourceLabels ?? {}).length > 0 ? block.sourceLabels : undefined;
  return withoutUndefined({
    name: block.name,
    uri: block.uri,
    ignoreUriCase: block.ignoreUriCase,
    scheme: block.scheme,
    method: block.method,
    authority: block.authority,
    headers: byLowerName(block.headers),
    withoutHeaders: byLowerName(block.withoutHeaders),
    queryParams: block.queryParams,
    port: block.port,
    source:
      isSourceBound && (namespaces || labels)
        ? withoutUndefined({ namespaces, labels })
        : undefined,
  });
}

/** Whether a block takes every request: nothing but its name is said. */
export function takesAll(block: RouteMatch): boolean {
  return Object.entries(block).every(([field, value]) => {
    if (field === "uri") return isEveryPath(value as StringMatch);
    return field === "name" || field === "ignoreUriCase";
  });
}

/** Istio stops at a route like this and sends none of those after it. */
function isEveryPath(uri: StringMatch): boolean {
  if (uri.kind === "prefix") return uri.value === "/" || uri.value === "";
  return uri.kind === "regex" && (uri.value === ".*" || uri.value === "/.*");
}

function byLowerName(
  headers: Readonly<Record<string, StringMatch>> | undefined,
): Readonly<Record<string, StringMatch>> | undefined {
  if (headers === undefined) return undefined;
  const kept = Object.entries(headers).filter(([name]) => !PSEUDO.has(name));
  return Object.fromEntries(
    kept
      .map(([name, match]) => [name.toLowerCase(), match] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Leaves out what is undefined, so that equal rules look equal. */
export function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
}
