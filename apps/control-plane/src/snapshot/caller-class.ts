import type { SourceSelector } from "@heddle/mesh";
import type { Labels } from "@heddle/resources";

/**
 * Callers that no document tells apart: those of a namespace (`undefined`: of any that no document
 * names) that carry certain labels.
 */
export type CallerClass = { readonly namespace: string | undefined; readonly labels: Labels };

/** Everybody no document singles out. */
export const ANYBODY: CallerClass = { namespace: undefined, labels: {} };

/** So many sets of callers one service may be told apart by; each is a rule set every proxy holds. */
export const MAX_CALLER_CLASSES = 256;

/**
 * The sets of callers that `selectors` tell apart, without `ANYBODY`: the first that takes a caller in
 * is the one all of whose selectors, and no others, take it in. For each namespace named the
 * combinations of labels that one caller can carry, more labels first. `undefined`: more than
 * `MAX_CALLER_CLASSES`.
 */
export function callerClasses(selectors: readonly SourceSelector[]): CallerClass[] | undefined {
  const namespaces = [
    ...new Set(selectors.flatMap((selector) => [...(selector.namespaces ?? [])])),
  ].sort();
  const classes: CallerClass[] = [];
  for (const namespace of [...namespaces, undefined]) {
    const labels = selectors.flatMap((selector): Labels[] => {
      const isHere = selector.namespaces?.includes(namespace ?? "") ?? true;
      return isHere && selector.labels ? [selector.labels] : [];
    });
    const combined = combineLabels(labels, MAX_CALLER_CLASSES - classes.length);
    if (!combined) return undefined;
    for (const one of combined) {
      const isAnybody = namespace === undefined && Object.keys(one).length === 0;
      if (!isAnybody) classes.push({ namespace, labels: one });
    }
  }
  return classes;
}

/** Whether a selector takes in every caller of a class (it takes in all of them, or none). */
export function takesIn({ namespaces, labels }: SourceSelector, caller: CallerClass): boolean {
  if (namespaces && (caller.namespace === undefined || !namespaces.includes(caller.namespace))) {
    return false;
  }
  return labels === undefined || carries(caller.labels, labels);
}

export function carries(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** All unions of label sets that do not contradict each other, with the empty one; more labels first. */
function combineLabels(sets: readonly Labels[], limit: number): Labels[] | undefined {
  const combined = new Map<string, Labels>([["[]", {}]]);
  for (const labels of sets) {
    for (const known of [...combined.values()]) {
      if (Object.entries(labels).some(([key, value]) => (known[key] ?? value) !== value)) continue;
      const union = { ...known, ...labels };
      combined.set(keyOf(union), union);
      if (combined.size > limit) return undefined;
    }
  }
  const size = (labels: Labels) => Object.keys(labels).length;
  return [...combined]
    .sort(([a, left], [b, right]) => size(right) - size(left) || (a < b ? -1 : 1))
    .map(([, labels]) => labels);
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
