import { type Caller, selectsCaller } from "./caller.ts";
import { type Cidr, compileCidr } from "./cidr.ts";
import type { TcpMatch, TcpRoute } from "./route.ts";
import { compileSplit, type Split } from "./split.ts";

/** What the choice of a TCP or TLS route may look at. */
export interface ConnectionFacts {
  /** Server name of the TLS hello; `undefined`: none, or not TLS. */
  readonly sni: string | undefined;
  /** The address asked for; `undefined`: not known (a local port of its own). */
  readonly destinationAddress: string | undefined;
  readonly port: number | undefined;
  readonly source?: Caller | undefined;
}

/** One match block of a TCP or TLS route, made ready for many connections. */
export type CompiledTcpRoute = {
  readonly route: TcpRoute;
  readonly matches: (connection: ConnectionFacts) => boolean;
  /** Shared by the route's blocks; drawn once per connection. */
  readonly split: Split;
};

type Ranked = CompiledTcpRoute & { readonly subnetLength: number; readonly sniLength: number };

/**
 * Compiles TCP or TLS routes in the order Envoy's filter chains search them: the longest subnet first,
 * then the most exact server name, then list order; but nothing passes a block with neither, behind
 * which Istio generates no more. With `caller`, conditions on the source are decided here. Throws
 * `InvalidCidrError`, `InvalidSplitError`.
 */
export function compileTcpRoutes(
  routes: readonly TcpRoute[],
  caller?: Caller,
): readonly CompiledTcpRoute[] {
  const compiled: Ranked[] = [];
  let ranked: Ranked[] = [];
  for (const route of routes) {
    const split = compileSplit(route);
    for (const match of route.matches.length === 0 ? [{}] : route.matches) {
      if (match.source && caller && !selectsCaller(match.source, caller)) continue;
      const block = { route, split, ...compileBlock(match, caller) };
      ranked.push(block);
      if (block.subnetLength >= 0 || block.sniLength >= 0) continue;
      compiled.push(...ranked.sort(byRank));
      ranked = [];
    }
  }
  compiled.push(...ranked.sort(byRank));
  return compiled.map(({ route, matches, split }) => ({ route, matches, split }));
}

/** `undefined`: no route of this service takes the connection (it is closed, flag NR). */
export function findTcpRoute<T extends Pick<CompiledTcpRoute, "matches">>(
  routes: readonly T[],
  connection: ConnectionFacts,
): T | undefined {
  return routes.find((route) => route.matches(connection));
}

/** A stable sort keeps list order among equals. */
function byRank(one: Ranked, other: Ranked): number {
  return other.subnetLength - one.subnetLength || other.sniLength - one.sniLength;
}

function compileBlock(
  match: TcpMatch,
  caller: Caller | undefined,
): Pick<Ranked, "matches" | "subnetLength" | "sniLength"> {
  const { port, source } = match;
  const subnets = match.destinationSubnets?.map(compileCidr) ?? [];
  const names = match.sniHosts?.map((name) => name.toLowerCase()) ?? [];
  const matches = (connection: ConnectionFacts): boolean => {
    if (port !== undefined && connection.port !== port) return false;
    if (source !== undefined && caller === undefined) {
      if (connection.source === undefined || !selectsCaller(source, connection.source))
        return false;
    }
    if (subnets.length > 0 && !isInside(subnets, connection.destinationAddress)) return false;
    return names.length === 0 || isNamed(names, connection.sni);
  };
  return {
    matches,
    subnetLength: Math.max(-1, ...subnets.map(({ length }) => length)),
    sniLength: Math.max(-1, ...names.map(sniRank)),
  };
}

function isInside(subnets: readonly Cidr[], address: string | undefined): boolean {
  return address !== undefined && subnets.some((subnet) => subnet.contains(address));
}

/** Exact names before wildcards, longer wildcards before shorter ones, `*` last. */
function sniRank(name: string): number {
  return name.startsWith("*") ? name.length : 1000 + name.length;
}

/** `*.com` takes `foo.example.com`, but not `com`; `*` takes every server name. */
function isNamed(names: readonly string[], sni: string | undefined): boolean {
  if (sni === undefined || sni === "") return false;
  const wanted = sni.toLowerCase();
  return names.some((name) =>
    name.startsWith("*")
      ? wanted.length > name.length - 1 && wanted.endsWith(name.slice(1))
      : wanted === name,
  );
}
