import type { ServiceResource } from "@heddle/contracts";
import type { ServiceId } from "@heddle/mesh";

/** Every service that routes of a service send to, mirrors too. */
export function targetsOf(resource: ServiceResource): ServiceId[] {
  const rules = [resource, ...(resource.overrides ?? []).map((one) => one.rules)];
  return rules.flatMap(({ routes, tcpRoutes = [], tlsRoutes = [] }) => [
    ...routes.flatMap(({ destinations, mirrors = [] }) => [
      ...destinations.map((to) => to.service),
      ...mirrors.map(({ destination }) => destination.service),
    ]),
    ...[...tcpRoutes, ...tlsRoutes].flatMap(({ destinations }) =>
      destinations.map((to) => to.service),
    ),
  ]);
}
