import type { RouteInWords } from "@heddle/contracts";
import { formatId, type Route, type RouteDestination, type ServiceId } from "@heddle/mesh";
import { describeFault, describeRetries } from "../traffic/traffic-features.ts";
import { inPercent, inTime } from "../traffic/wording.ts";
import { describeMatch } from "./match-words.ts";

type Target = Pick<RouteDestination, "service" | "subset">;

/** `v3` of the service itself, `shop/ratings v2` of another. */
export function describeTarget({ service, subset }: Target, own: ServiceId): string {
  const isOwn = formatId(service) === formatId(own);
  if (isOwn) return subset ?? service.name;
  return `${formatId(service)}${subset === undefined ? "" : ` ${subset}`}`;
}

export function describeRoute(route: Route, own: ServiceId): RouteInWords {
  const { name, matches, timeoutMs, retries, fault, mirrors = [] } = route;
  const rewrite = describeRewrite(route);
  return {
    name,
    matches: matches.length === 0 ? ["any"] : matches.map(describeMatch),
    goesTo: describeEnd(route, own),
    ...(timeoutMs === undefined ? {} : { timeout: inTime(timeoutMs) }),
    ...(retries === undefined ? {} : { retries: describeRetries(retries) }),
    ...(fault === undefined ? {} : { fault: describeFault(fault) }),
    mirrors: mirrors.map(
      ({ destination, ratio }) => `${inPercent(ratio)} to ${describeTarget(destination, own)}`,
    ),
    ...(rewrite === undefined ? {} : { rewrite }),
  };
}

/** Where a route leads: its split, its redirect, its own answer. */
function describeEnd({ destinations, redirect, directResponse }: Route, own: ServiceId): string {
  if (redirect) return describeRedirect(redirect);
  if (directResponse) return `answers ${directResponse.status}`;
  const sum = destinations.reduce((total, { weight }) => total + weight, 0);
  const [only] = destinations;
  if (destinations.length === 1 && only) return describeTarget(only, own);
  return destinations
    .map((to) => `${inPercent(sum === 0 ? 0 : to.weight / sum)} ${describeTarget(to, own)}`)
    .join(", ");
}

export function describeRedirect(redirect: NonNullable<Route["redirect"]>): string {
  const { status, scheme, authority, port, uri, prefixRewrite } = redirect;
  const host = authority ?? (scheme === undefined && port === undefined ? "" : "the same host");
  const at = typeof port === "number" ? `:${port}` : "";
  const path = uri ?? (prefixRewrite === undefined ? "" : `${prefixRewrite}…`);
  const target = `${scheme === undefined ? "" : `${scheme}://`}${host}${at}${path}`;
  return `${status} to ${target === "" ? "the same place" : target}`;
}

function describeRewrite({ rewrite }: Route): string | undefined {
  if (rewrite === undefined) return undefined;
  const { uri, uriRegex, authority } = rewrite;
  const parts = [
    uri === undefined ? [] : [`path to ${uri}`],
    uriRegex === undefined ? [] : [`path ${uriRegex.match} to ${uriRegex.rewrite}`],
    authority === undefined ? [] : [`host to ${authority}`],
  ].flat();
  return parts.length === 0 ? undefined : parts.join(", ");
}
