import type { DocumentRoute } from "@heddle/resources";
import { type DocumentOf, isOf, isVisibleTo, type MeshDocument } from "./mesh-document.ts";

/** A route with the VirtualService it stands in. */
export type WrittenRoute = {
  readonly route: DocumentRoute;
  readonly origin: DocumentOf<"VirtualService">;
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

/** The routes of a VirtualService with those of its delegates in their place. */
export function expandDelegates(
  root: DocumentOf<"VirtualService">,
  findDocument: (ref: string) => MeshDocument | undefined,
): WrittenRoute[] {
  return root.resource.routes.flatMap((route): WrittenRoute[] => {
    if (!route.delegate) return [{ route, origin: root }];
    const delegate = findDelegate(root, route, findDocument);
    return delegate ? mergeDelegate(route, delegate) : [];
  });
}

function mergeDelegate(
  _route: DocumentRoute,
  _delegate: DocumentOf<"VirtualService">,
): WrittenRoute[] {
  return [];
}
