import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { fieldsAt, fieldsOf, isFields, listAt, numberAt, textAt, valueAt } from "../fields.ts";

type Rule = {
  readonly rule: unknown;
  readonly at: readonly (string | number)[];
  readonly name: string;
};

/** IST0130, 0131: routes and matches that earlier ones leave nothing to. */
export const checkUnreachableRoutes: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    for (const field of ["http", "tcp", "tls"]) {
      const rules = listAt(document.spec, field).map((rule, index) => {
        const name = textAt(rule, "name");
        const place = `${field}[${index}]`;
        return {
          rule,
          at: ["spec", field, index],
          name: name === "" ? place : `${place} (${name})`,
        };
      });
      findDuplicates(document, rules, report);
      if (field === "http") findOverlaps(document, rules, report);
    }
  }
};

function findDuplicates(document: AnalysisDocument, rules: readonly Rule[], report: Report): void {
  const seen = new Map<string, Rule>();
  let catchAll: Rule | undefined;
  for (const current of rules) {
    const { rule, at, name } = current;
    const matches = listAt(rule, "match");
    if (matches.length === 0) {
      if (catchAll) {
        const why = `${name} is not used: ${catchAll.name} takes everything, and only the last can have no matches`;
        report(document, "IST0130", { path: at, why });
      }
      catchAll = current;
      continue;
    }
    if (catchAll) {
      const why = `${name} is not used: ${catchAll.name} before it has no matches and takes everything`;
      report(document, "IST0130", { path: at, why });
      continue;
    }
    const twins = matches.map((match) => {
      const key = keyOfMatch(match);
      const twin = seen.get(key);
      if (!twin) seen.set(key, current);
      return twin;
    });
    const isUnreachable = twins.every((twin) => twin !== undefined);
    twins.forEach((twin, index) => {
      if (!twin) return;
      const path = [...at, "match", index];
      const why = `match ${index} of ${name} is not used: ${twin.name} has the same match`;
      const fix = {
        title: `take out match ${index} of ${name}`,
        edits: [{ path, value: undefined }],
      };
      report(document, "IST0131", { path, why, ...(isUnreachable ? {} : { fix }) });
    });
    if (isUnreachable) {
      report(document, "IST0130", {
        path: at,
        why: `${name} is not used: all its matches are used by rules before it`,
        fix: { title: `take out ${name}`, edits: [{ path: at, value: undefined }] },
      });
    }
  }
}

/** A match without its name, which routes nothing. */
function keyOfMatch(match: unknown): string {
  const { name: _, ...rest } = fieldsOf(match);
  return JSON.stringify(sorted(rest));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
}

/** A match by prefix, in the form that Istio compares. */
type PrefixMatch = {
  readonly rule: Rule;
  readonly index: number;
  readonly prefix: string;
  readonly port: number;
  readonly method: string;
  readonly authority: string;
  readonly maps: readonly Readonly<Record<string, string>>[];
};

function findOverlaps(document: AnalysisDocument, rules: readonly Rule[], report: Report): void {
  const prefixes = rules.flatMap((rule) => prefixesOf(rule));
  if (prefixes.length > MAX_COMPARED) prefixes.length = MAX_COMPARED;
  prefixes.forEach((earlier, at) => {
    for (const later of prefixes.slice(at + 1)) {
      if (later.prefix === earlier.prefix || !covers(earlier, later)) continue;
      const why = `match ${later.index} of ${later.rule.name} (prefix ${later.prefix}) is not used: ${earlier.rule.name} takes prefix ${earlier.prefix} before it`;
      report(document, "IST0131", { path: [...later.rule.at, "match", later.index], why });
    }
  });
}
/** Each is compared with all that follow it; nobody writes as many by hand. */
const MAX_COMPARED = 300;

function prefixesOf(rule: Rule): PrefixMatch[] {
  const found: PrefixMatch[] = [];
  const seen = new Set<string>();
  listAt(rule.rule, "match").forEach((match, index) => {
    const prefix = textAt(match, "uri", "prefix");
    const key = keyOfMatch(match);
    if (prefix === "" || seen.has(key)) return;
    seen.add(key);
    found.push({
      ...{ rule, index, prefix },
      port: numberAt(match, "port") ?? 0,
      method: conditionOf(valueAt(match, "method")) || "exact GET",
      authority: conditionOf(valueAt(match, "authority")),
      maps: ["headers", "queryParams", "withoutHeaders"].map((field) =>
        Object.fromEntries(
          Object.entries(fieldsAt(match, field)).map(([key, one]) => [key, conditionOf(one)]),
        ),
      ),
    });
  });
  return found;
}

function conditionOf(condition: unknown): string {
  const exact = textAt(condition, "exact");
  if (exact !== "") return `exact ${exact}`;
  const prefix = textAt(condition, "prefix");
  return prefix === "" ? "" : `prefix ${prefix}`;
}

function covers(earlier: PrefixMatch, later: PrefixMatch): boolean {
  return (
    later.prefix.startsWith(earlier.prefix) &&
    later.port === earlier.port &&
    earlier.method.startsWith(later.method) &&
    earlier.authority.startsWith(later.authority) &&
    earlier.maps.every((map, at) => mapCovers(map, later.maps[at] ?? {}))
  );
}

function mapCovers(
  earlier: Readonly<Record<string, string>>,
  later: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(earlier);
  return (
    names.length === Object.keys(later).length &&
    names.every((name) => {
      const other = later[name];
      return other !== undefined && (earlier[name] ?? "").startsWith(other);
    })
  );
}
