import type { DestinationView, LiveEndpoint } from "../core/mesh-view.ts";
import type { OutboundRequest } from "./outbound-request.ts";

const MAX_ENDPOINTS = 10;

/** Which service, which rule, which endpoints with the reason each was out, and why: one fact a line. */
export function explain(origin: string, request: OutboundRequest, why: string): string {
  const { view, route, destination, failedTries = [] } = request;
  const lines = [`${origin}: ${why}`];
  lines.push(
    view === undefined
      ? `host: ${request.authority}`
      : `service: ${view.service.namespace}/${view.service.name}`,
  );
  if (view !== undefined && route !== undefined) {
    lines.push(`rule: ${route.name} (revision ${view.revision})`);
  }
  if (destination !== undefined) lines.push(...describeDestination(destination));
  for (const { target, reason } of failedTries) lines.push(`tried: ${target}: ${reason}`);
  return lines.join("\n");
}

function describeDestination(destination: DestinationView): string[] {
  const { endpoints, port, service, subset } = destination;
  const shown = endpoints.slice(0, MAX_ENDPOINTS).map(addressOf).join(" ");
  const details = [subset && ` subset ${subset}`, port && ` port ${port}`].filter(Boolean).join("");
  return [
    `destination: ${service.namespace}/${service.name}${details}`,
    `endpoints: ${endpoints.length} ${shown}`.trimEnd(),
    ...describeEndpoints(destination),
  ];
}

/** Those about which there is something to say. */
function describeEndpoints(destination: DestinationView): string[] {
  const told = destination.explain(Date.now()).flatMap((standing) => {
    const { target, reason } = standing;
    if (reason !== "") return [standing];
    return target.unreachable === undefined
      ? []
      : [{ ...standing, state: "unreachable", reason: target.unreachable.reason }];
  });
  const lines = told.slice(0, MAX_ENDPOINTS).map(({ target, state, reason, untilMs }) => {
    const until = untilMs === undefined ? "" : ` until ${new Date(untilMs).toISOString()}`;
    return `endpoint ${addressOf(target)}: ${state}${until}: ${reason}`;
  });
  if (told.length > MAX_ENDPOINTS) lines.push(`and ${told.length - MAX_ENDPOINTS} more`);
  return lines;
}

function addressOf({ endpoint, port }: LiveEndpoint): string {
  return `${endpoint.address}:${port}`;
}
