import type { Route, RouteMatch, SourceSelector } from "./route.ts";
import type { StringMatch } from "./string-match.ts";

/** What a VirtualService's route and the delegate it names come to. */
export type DelegateMerge = {
  /** In the delegate's order. */
  readonly routes: readonly Route[];
  /** Routes of the delegate that ask for more than the root gives, with the reason in words. */
  readonly dropped: readonly { readonly route: string; readonly reason: string }[];
};

/**
 * Merges the routes of a delegate VirtualService into the root's route that names it, as Istio's
 * mergeHTTPRoutes: each match of a delegate's route must lie within a match of the root's, or the route
 * is dropped; what the delegate leaves unset is the root's; names are joined as `root-delegate`. The
 * root's own exclusions and sources hold as well, which Istio lets a delegate lift. `root` has no
 * destinations of its own.
 */
export function mergeDelegate(root: Route, delegate: readonly Route[]): DelegateMerge {
  const routes: Route[] = [];
  const dropped: { route: string; reason: string }[] = [];
  for (const route of delegate) {
    const matches = mergeMatches(root.matches, route.matches);
    if (typeof matches === "string") dropped.push({ route: route.name, reason: matches });
    else routes.push(inherit(root, route, matches));
  }
  return { routes, dropped };
}

function inherit(root: Route, route: Route, matches: readonly RouteMatch[]): Route {
  return {
    ...route,
    name: joinNames(root.name, route.name) ?? "",
    matches,
    rewrite: route.rewrite ?? root.rewrite,
    timeoutMs: route.timeoutMs ?? root.timeoutMs,
    retries: route.retries ?? root.retries,
    fault: route.fault ?? root.fault,
    mirrors: route.mirrors ?? root.mirrors,
    cors: route.cors ?? root.cors,
    headers: route.headers ?? root.headers,
  };
}

function joinNames(root: string | undefined, own: string | undefined): string | undefined {
  if (!own) return root || own;
  return root ? `${root}-${own}` : own;
}

/** Every match of the delegate, narrowed by each match of the root it lies in; or why one lies in none. */
function mergeMatches(
  root: readonly RouteMatch[],
  delegate: readonly RouteMatch[],
): readonly RouteMatch[] | string {
  if (root.length === 0) return delegate;
  if (delegate.length === 0) return root;
  const merged: RouteMatch[] = [];
  for (const match of delegate) {
    const conflicts = root.map((wider) => findConflict(wider, match));
    const within = root.filter((_, index) => conflicts[index] === undefined);
    if (within.length === 0) return conflicts.join("; ");
    for (const wider of within) merged.push(mergeMatch(wider, match));
  }
  return merged;
}

function mergeMatch(root: RouteMatch, own: RouteMatch): RouteMatch {
  return {
    ...root,
    ...withoutUndefined(own),
    name: joinNames(root.name, own.name),
    headers: mergeRecords(root.headers, own.headers),
    withoutHeaders: mergeRecords(root.withoutHeaders, own.withoutHeaders),
    queryParams: mergeRecords(root.queryParams, own.queryParams),
    source: mergeSources(root.source, own.source),
  };
}

function withoutUndefined(match: RouteMatch): RouteMatch {
  return Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined));
}

type Named<T> = Readonly<Record<string, T>> | undefined;

function mergeRecords<T>(root: Named<T>, own: Named<T>): Named<T> {
  return root || own ? { ...root, ...own } : undefined;
}

function mergeSources(
  root: SourceSelector | undefined,
  own: SourceSelector | undefined,
): SourceSelector | undefined {
  if (!root || !own) return root ?? own;
  return {
    namespaces: own.namespaces ?? root.namespaces,
    labels: mergeRecords(root.labels, own.labels),
  };
}

/** The property that keeps `own` from lying within `root`, in words; `undefined`: it does. */
function findConflict(root: RouteMatch, own: RouteMatch): string | undefined {
  return (
    findTextConflict(root, own) ??
    findNamedConflict("headers", root.headers, own.headers) ??
    findNamedConflict("withoutHeaders", root.headers, own.withoutHeaders) ??
    findExclusionConflict(root.withoutHeaders, own.withoutHeaders) ??
    findNamedConflict("queryParams", root.queryParams, own.queryParams) ??
    findSourceConflict(root.source, own.source) ??
    findOtherConflict(root, own)
  );
}

function findTextConflict(root: RouteMatch, own: RouteMatch): string | undefined {
  for (const field of ["uri", "scheme", "method", "authority"] as const) {
    if (isConflict(root[field], own[field])) return describe(field, root[field], own[field]);
  }
  return undefined;
}

function findNamedConflict(
  field: string,
  root: Named<StringMatch>,
  own: Named<StringMatch>,
): string | undefined {
  for (const [name, text] of Object.entries(own ?? {})) {
    const wider = root?.[name];
    if (isConflict(wider, text)) return describe(`${field}[${name}]`, wider, text);
  }
  return undefined;
}

/** The merged match excludes what the delegate says; that must be no less than the root excludes. */
function findExclusionConflict(
  root: Named<StringMatch>,
  own: Named<StringMatch>,
): string | undefined {
  for (const [name, text] of Object.entries(own ?? {})) {
    const excluded = root?.[name];
    if (isConflict(text, excluded)) return describe(`withoutHeaders[${name}]`, excluded, text);
  }
  return undefined;
}

function findSourceConflict(
  root: SourceSelector | undefined,
  own: SourceSelector | undefined,
): string | undefined {
  const wider = root?.namespaces;
  if (wider && own?.namespaces?.some((name) => !wider.includes(name))) {
    return "sourceNamespace is not one of the root's";
  }
  for (const [name, value] of Object.entries(own?.labels ?? {})) {
    const wanted = root?.labels?.[name];
    if (wanted !== undefined && wanted !== value) return `sourceLabels[${name}] differs`;
  }
  return undefined;
}

function findOtherConflict(root: RouteMatch, own: RouteMatch): string | undefined {
  if ((root.ignoreUriCase ?? false) !== (own.ignoreUriCase ?? false))
    return "ignoreUriCase differs";
  const isOtherPort = root.port !== undefined && own.port !== undefined && root.port !== own.port;
  return isOtherPort ? `port ${own.port} is not the root's ${root.port}` : undefined;
}

/** Istio's stringMatchConflict: only exact and prefix are compared, anything else on both sides conflicts. */
function isConflict(root: StringMatch | undefined, own: StringMatch | undefined): boolean {
  if (root === undefined || own === undefined) return false;
  if (root.kind === "exact") return own.kind !== "exact" || own.value !== root.value;
  if (root.kind !== "prefix" || own.kind === "regex" || own.kind === "present") return true;
  return !own.value.startsWith(root.value);
}

function describe(
  field: string,
  root: StringMatch | undefined,
  own: StringMatch | undefined,
): string {
  return `${field} ${textOf(own)} is not within the root's ${textOf(root)}`;
}

function textOf(text: StringMatch | undefined): string {
  if (text === undefined || text.kind === "present") return "{}";
  return `${text.kind} ${JSON.stringify(text.value)}`;
}
