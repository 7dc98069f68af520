import { mergeDelegate, type Route } from "@heddle/mesh";
import { type DocumentRoute, formatRef } from "@heddle/resources";
import type { HostIndex } from "./host-index.ts";
import { type DocumentOf, isOf, isVisibleTo, type MeshDocument } from "./mesh-document.ts";
import { toWireRoute } from "./wire-route.ts";

/** A route with the VirtualService it is written in, and the one that hands over to it, if one does. */
export type WrittenRoute = {
  readonly route: Route;
  readonly origin: DocumentOf<"VirtualService">;
  readonly root: DocumentOf<"VirtualService"> | undefined;
};

/** The VirtualService a route hands over to; `undefined`: there is none that this one may use. */
export function findDelegate(
  root: DocumentOf<"VirtualService">,
  { delegate }: DocumentRoute,
  findDocument: (ref: string) => MeshDocument | undefined,
): DocumentOf<"VirtualService"> | undefined {
  if (!delegate) return undefined;
  const found = findDocument(`VirtualService ${delegate.namespace}/${delegate.name}`);
  if (!found || !isOf(found, "VirtualService") || found.resource.hosts.length > 0) return undefined;
  return isVisibleTo(found.resource.visibleTo, root.resource.namespace) ? found : undefined;
}

/**
 * The routes of a VirtualService with those of its delegates in their place. What a delegate asks beyond
 * its root is left out (`describeDropped` says what).
 */
export function expandDelegates(
  root: DocumentOf<"VirtualService">,
  hosts: HostIndex,
  findDocument: (ref: string) => MeshDocument | undefined,
): WrittenRoute[] {
  return root.resource.routes.flatMap((route): WrittenRoute[] => {
    const own = toWireRoute(route, root.resource.namespace, hosts);
    if (!route.delegate) return [{ route: own, origin: root, root: undefined }];
    const delegate = findDelegate(root, route, findDocument);
    if (!delegate) return [];
    const { routes } = mergeWith(own, delegate, hosts);
    return routes.map((merged) => ({ route: merged, origin: delegate, root }));
  });
}

/** Routes of delegates that ask for more than their root gives, in words. */
export function describeDropped(
  root: DocumentOf<"VirtualService">,
  hosts: HostIndex,
  findDocument: (ref: string) => MeshDocument | undefined,
): string[] {
  return root.resource.routes.flatMap((route) => {
    const delegate = findDelegate(root, route, findDocument);
    if (!delegate) return [];
    const own = toWireRoute(route, root.resource.namespace, hosts);
    const ref = formatRef(delegate.resource);
    return mergeWith(own, delegate, hosts).dropped.map(
      ({ route: name, reason }) =>
        `spec.http[${route.index}]: route ${JSON.stringify(name)} of its delegate ${ref} is left out: ${reason}`,
    );
  });
}

function mergeWith(own: Route, { resource }: DocumentOf<"VirtualService">, hosts: HostIndex) {
  // one level, as in Istio: a delegate's own delegates are not followed
  const routes = resource.routes.filter(({ delegate }) => delegate === undefined);
  return mergeDelegate(
    own,
    routes.map((route) => toWireRoute(route, resource.namespace, hosts)),
  );
}
