import type { AuthorizationRule, OperationMatch } from "../authorization/authorization-policy.ts";

/** A caller of a workload as it was seen. */
export type ObservedCaller = {
  /** `<trust domain>/ns/<namespace>/sa/<workload>`; `undefined`: it has no identity. */
  readonly principal: string | undefined;
  /** Of a caller without identity. */
  readonly address: string | undefined;
  /** Paths may be templates (`templatePath`). */
  readonly operations: readonly { readonly method: string; readonly path: string }[];
};

/** More are told by their first segment: nobody reviews a list that long. */
const MAX_PATHS = 40;

/**
 * ALLOW rules that let in who was seen and nobody else; with `includesOperations` only for what they asked.
 * Callers that do the same share a rule; who has no identity is known by his address alone. The same
 * callers in any order give the same rules.
 */
export function leastPrivilegeRules(
  callers: readonly ObservedCaller[],
  includesOperations: boolean,
): AuthorizationRule[] {
  const groups = Map.groupBy(callers, (caller) =>
    includesOperations ? JSON.stringify(toOperations(caller.operations)) : "[]",
  );
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([operations, members]) => ({
      from: toSources(members),
      to: JSON.parse(operations) as OperationMatch[],
      when: [],
    }));
}

function toSources(callers: readonly ObservedCaller[]): AuthorizationRule["from"] {
  const principals = sortedOnce(callers.map(({ principal }) => principal));
  const ipBlocks = sortedOnce(
    callers.map(({ principal, address }) => (principal === undefined ? address : undefined)),
  );
  return [
    ...(principals.length > 0 ? [{ principals }] : []),
    ...(ipBlocks.length > 0 ? [{ ipBlocks }] : []),
  ];
}

/** Paths that are asked with the same methods go together. */
function toOperations(seen: ObservedCaller["operations"]): OperationMatch[] {
  const paths = new Set(seen.map(({ path }) => path));
  const told = paths.size > MAX_PATHS ? firstSegment : (path: string) => path;
  const methodsByPath = Map.groupBy(seen, ({ path }) => told(path));
  const pathsByMethods = Map.groupBy(methodsByPath, ([, asked]) =>
    sortedOnce(asked.map(({ method }) => method)).join(","),
  );
  return [...pathsByMethods]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([methods, entries]) => ({
      methods: methods.split(","),
      paths: sortedOnce(entries.map(([path]) => path)),
    }));
}

function firstSegment(path: string): string {
  const end = path.indexOf("/", 1);
  return end < 0 ? path : `${path.slice(0, end)}/*`;
}

function sortedOnce(texts: readonly (string | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => text !== undefined))].toSorted();
}
