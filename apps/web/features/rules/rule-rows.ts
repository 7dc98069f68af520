import type { Finding, ResourceDocument } from "@heddle/contracts";
import { ruleSubject } from "./rule-subject.ts";

/** One document in the list. */
export interface RuleRow {
  readonly id: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly subject: string;
  readonly revision: number;
  /** What names it, if nobody has applied it: "directory /etc/heddle/registry, db.yaml line 3". */
  readonly origin: string | undefined;
  readonly updatedAtMs: number;
  /** The worst first. */
  readonly findings: readonly Finding[];
  readonly hasDraft: boolean;
  /** All one can filter by, in lower case. */
  readonly haystack: string;
}

const SEVERITIES = ["error", "warning", "info"];

/** Documents with what is wrong with them, the worst first, then by kind and name. */
export function ruleRows(
  resources: readonly ResourceDocument[],
  findings: readonly Finding[],
  drafts: readonly string[],
): RuleRow[] {
  const found = Map.groupBy(findings, ({ subject: { kind, namespace, name } }) =>
    idOf({ kind, namespace: namespace ?? "", name }),
  );
  return resources
    .map(({ kind, namespace, name, yaml, revision, updatedAtMs, origin }) => {
      const id = idOf({ kind, namespace, name });
      const subject = ruleSubject(yaml);
      const own = [...(found.get(id) ?? [])].sort((a, b) => rankOf(a) - rankOf(b));
      return {
        id,
        kind,
        namespace,
        name,
        subject,
        revision,
        origin: origin && describeOrigin(origin),
        updatedAtMs,
        findings: own,
        hasDraft: drafts.includes(id),
        haystack: [id, subject, origin?.source ?? "", ...own.map(({ code }) => code)]
          .join(" ")
          .toLowerCase(),
      };
    })
    .sort(
      (a, b) => worstOf(a) - worstOf(b) || a.kind.localeCompare(b.kind) || a.id.localeCompare(b.id),
    );
}

/** "directory /etc/heddle/registry, db.yaml line 3" */
export function describeOrigin({
  source,
  file,
  line,
}: NonNullable<ResourceDocument["origin"]>): string {
  const place = file === undefined ? "" : `, ${file}`;
  return `${source}${place}${line === undefined ? "" : ` line ${line}`}`;
}

function idOf({ kind, namespace, name }: Pick<RuleRow, "kind" | "namespace" | "name">): string {
  return `${kind}/${namespace}/${name}`;
}

function rankOf({ severity }: Finding): number {
  return SEVERITIES.indexOf(severity);
}

/** Notes move nothing to the top. */
function worstOf({ findings: [worst] }: RuleRow): number {
  return worst === undefined || worst.severity === "info" ? 2 : rankOf(worst);
}
