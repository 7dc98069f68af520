import type { Rewrite } from "@heddle/mesh";
import { z } from "zod";
import type { DocumentRoute, HostDestination } from "../documents/routing-documents.ts";
import { differing, fields, ignored, warnIf } from "../schema/field-status.ts";
import { corsPolicy } from "./cors-policy.ts";
import {
  checkWeights,
  destination,
  readDestination,
  warnOfWeights,
  weight,
} from "./destination.ts";
import { faultInjection } from "./fault-injection.ts";
import { dnsLabel, documentName, durationMs, parseDurationMs, percentBlock } from "./fields.ts";
import { authoritiesOf, headerOperations, readHeaderOperations } from "./header-operations.ts";
import { directResponse, mirrorPercent, redirect, rewrite } from "./http-actions.ts";
import { httpMatch, toRouteMatch, withoutUndefined } from "./http-match.ts";
import { retries } from "./retries.ts";

const weighted = fields({ destination, weight, headers: headerOperations.optional() });

const mirror = warnIf(
  fields({ destination, percentage: percentBlock.optional() }),
  ({ percentage }) =>
    percentage === undefined ? "percentage is not given, which means 100 % here" : undefined,
);

/** HTTPRoute. */
export const httpRoute = warnIf(
  fields({
    name: z.string().max(253).optional(),
    match: z.array(httpMatch).optional(),
    route: warnIf(z.array(weighted).superRefine(checkWeights), warnOfWeights).optional(),
    redirect: redirect.optional(),
    directResponse: directResponse.optional(),
    delegate: fields({
      name: documentName,
      namespace: dnsLabel.or(z.literal("")).optional(),
    }).optional(),
    rewrite: rewrite.optional(),
    timeout: differing(
      "Istio's meaning, and the caller's own deadline (grpc-timeout, x-envoy-expected-rq-timeout-ms) bounds it further",
      durationMs.optional(),
    ),
    retries: retries.optional(),
    fault: differing(
      "an injected failure always says so: flags FI and DI, x-heddle-origin, and the body",
      faultInjection.optional(),
    ),
    mirror: destination.optional(),
    mirrors: z.array(mirror).optional(),
    mirrorPercent: mirrorPercent.optional(),
    mirror_percent: mirrorPercent.optional(),
    mirrorPercentage: percentBlock.optional(),
    corsPolicy: corsPolicy.optional(),
    headers: headerOperations.optional(),
    websocketUpgrade: ignored("an old field of Istio's; WebSocket upgrades are always let through"),
  }).superRefine((written, context) => {
    for (const message of findConflicts(written)) context.addIssue(message);
  }),
  (written) => {
    const warnings: { at: PropertyKey[]; message: string }[] = [];
    if (
      written.mirror !== undefined &&
      written.mirrorPercentage === undefined &&
      (written.mirrorPercent ?? written.mirror_percent) === undefined
    ) {
      const message = "mirrorPercentage is not given, which means 100 % of the requests";
      warnings.push({ at: ["mirror"], message });
    }
    if ((written.mirrorPercent ?? written.mirror_percent) !== undefined) {
      const message = 'using deprecated setting "mirrorPercent", use "mirrorPercentage" instead';
      warnings.push({ at: ["mirrorPercent"], message });
    }
    const perTryMs = parseDurationMs(written.retries?.perTryTimeout ?? "");
    const totalMs = parseDurationMs(written.timeout ?? "");
    if (perTryMs !== undefined && totalMs !== undefined && perTryMs > totalMs) {
      const message = `is longer than the route's timeout ${written.timeout} and never reached`;
      warnings.push({ at: ["retries", "perTryTimeout"], message });
    }
    if (
      written.fault !== undefined &&
      (written.retries !== undefined || written.timeout !== undefined)
    ) {
      const message =
        "retries and timeout do not see an injected fault, as in Istio; to try them out, use a TrafficPolicy with fault.scope upstream";
      warnings.push({ at: ["fault"], message });
    }
    return warnings;
  },
);

type Written = z.output<typeof httpRoute>;
type Conflict = Omit<Written, "match"> & { readonly match?: Written["match"] };

function findConflicts(written: Conflict): string[] {
  const {
    route,
    redirect,
    directResponse,
    fault,
    rewrite,
    mirror,
    mirrors = [],
    delegate,
  } = written;
  const hasRoute = (route ?? []).length > 0;
  const name = written.name ? ` ${written.name}` : "";
  const conflicts: [boolean, string][] = delegate
    ? [
        [redirect !== undefined, `root HTTP route${name} must not specify redirect`],
        [route !== undefined, `root HTTP route${name} must not specify route`],
        [directResponse !== undefined, `root HTTP route${name} must not specify directResponse`],
      ]
    : [
        [
          !hasRoute && !redirect && !directResponse,
          "HTTP route, redirect or direct_response is required (or delegate)",
        ],
        [hasRoute && redirect !== undefined, "HTTP route cannot contain both route and redirect"],
        [
          hasRoute && directResponse !== undefined,
          "HTTP route cannot contain both route and direct_response",
        ],
        [
          redirect !== undefined && directResponse !== undefined,
          "HTTP route rule cannot contain both redirect and direct_response",
        ],
        [!!fault && !!redirect, "HTTP route cannot contain both fault and redirect"],
        [!!fault && !!directResponse, "HTTP route cannot contain both fault and direct_response"],
        [!!rewrite && !!redirect, "HTTP route rule cannot contain both rewrite and redirect"],
        [
          !!rewrite && !!directResponse,
          "HTTP route rule cannot contain both rewrite and direct_response",
        ],
      ];
  const prefixes = (written.match ?? []).every(({ uri }) => uri?.kind === "prefix");
  conflicts.push(
    [!!mirror && mirrors.length > 0, "HTTP route cannot contain both mirror and mirrors"],
    [
      redirect?.prefixRewrite !== undefined && (!prefixes || !written.match?.length),
      "redirect.prefixRewrite needs a prefix match of uri in every match of the route",
    ],
    [
      [rewrite?.authority ?? [], authoritiesOf(written.headers)].flat().length > 1,
      "authority header cannot be set multiple times; keep one of rewrite.authority and headers.request",
    ],
  );
  return conflicts.filter(([isWrong]) => isWrong).map(([, message]) => message);
}

/** `undefined`: every match of it is for gateways alone. */
export function toDocumentRoute(
  written: Written,
  index: number,
  namespace: string,
): DocumentRoute | undefined {
  const matches = (written.match ?? []).flatMap((block) => toRouteMatch(block) ?? []);
  if (matches.length === 0 && (written.match ?? []).length > 0) return undefined;
  const { redirect, delegate } = written;
  const { headers, authority } = readHeaderOperations(written.headers);
  const list = written.route ?? [];
  const only = list.length === 1 ? readHeaderOperations(list[0]?.headers).authority : undefined;
  const rewrite = withAuthority(written.rewrite, authority ?? only);
  return withoutUndefined({
    index,
    name: written.name || `route-${index + 1}`,
    matches,
    destinations: list.map((entry) => toDestination(entry, list.length, namespace)),
    redirect: redirect?.status ? { ...redirect, status: redirect.status } : undefined,
    directResponse: redirect && !redirect.status ? NO_ACTION : written.directResponse,
    rewrite,
    timeoutMs: written.timeout,
    retries: written.retries,
    fault: written.fault,
    mirrors: toMirrors(written, namespace),
    cors: written.corsPolicy,
    headers,
    delegate: delegate && { namespace: delegate.namespace || namespace, name: delegate.name },
  });
}

/** What a redirect with a code that does not redirect comes to. */
const NO_ACTION = {
  status: 500,
  body: {
    text: "This route redirects with a code that is no redirect; use 301, 302, 303, 307 or 308.\n",
  },
} as const;

function withAuthority(rewrite: Rewrite | undefined, authority: string | undefined) {
  if (authority === undefined || rewrite?.authority !== undefined) return rewrite;
  return { ...rewrite, authority };
}

function toDestination(
  entry: z.output<typeof weighted>,
  listLength: number,
  namespace: string,
): HostDestination {
  const { headers, authority } = readHeaderOperations(entry.headers);
  const own =
    authority === undefined || listLength === 1
      ? headers
      : {
          ...headers,
          request: { ...headers?.request, set: { ...headers?.request?.set, host: authority } },
        };
  return withoutUndefined({
    ...readDestination(entry.destination, namespace),
    weight: listLength === 1 ? 1 : (entry.weight ?? 0), // one destination takes all, whatever its weight
    headers: own,
  });
}

function toMirrors(written: Written, namespace: string): DocumentRoute["mirrors"] {
  const { mirror, mirrors = [] } = written;
  const percent = written.mirrorPercent ?? written.mirror_percent;
  const ratio = written.mirrorPercentage ?? (percent === undefined ? 1 : percent / 100);
  const all = [
    ...(mirror ? [{ destination: mirror, ratio }] : []),
    ...mirrors.map((one) => ({ destination: one.destination, ratio: one.percentage ?? 1 })),
  ].filter((one) => one.ratio > 0);
  if (all.length === 0) return undefined;
  return all.map(({ destination, ratio }) => ({
    destination: withoutUndefined(readDestination(destination, namespace)),
    ratio,
    marksHost: true,
  }));
}
