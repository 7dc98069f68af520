import type { Finding, PreviewNote } from "@heddle/contracts";
import {
  parsePath,
  parseValue,
  type RuleIdentity,
  rangeOfPath,
  type YamlEdit,
} from "./rule-yaml.ts";

/** What stands against a draft or is odd about it, at its place in the text. */
export interface DraftFinding {
  readonly id: string;
  readonly severity: "fault" | "warning" | "info";
  /** The control plane would refuse the draft. */
  readonly blocks: boolean;
  readonly code: string | undefined;
  readonly message: string;
  /** What to do; absent: the message says it. */
  readonly advice: string | undefined;
  /** `spec.http[1].timeout`; absent: the rule as a whole, or another one. */
  readonly path: string | undefined;
  /** Characters from 0; absent: nowhere in this text. */
  readonly range: readonly [number, number] | undefined;
  readonly fix: { readonly label: string; readonly edits: readonly YamlEdit[] } | undefined;
}

/**
 * What preview and analysis say of a draft, what blocks first, then in the order of the text. Both may find the same: the
 * one with a fix stays.
 */
export function draftFindings(
  text: string,
  identity: RuleIdentity | undefined,
  notes: readonly PreviewNote[],
  findings: readonly Finding[],
): DraftFinding[] {
  const all = [
    ...notes.map((note) => ofNote(text, identity, note)),
    ...findings.map((one) => ofFinding(text, one)),
  ];
  // Where the analysis speaks of the same place, its words say more than the check's; what blocks blocks on.
  const coded = new Set(findings.flatMap(({ path }) => path ?? []));
  const isTold = ({ code, path }: DraftFinding): boolean =>
    code === undefined && path !== undefined && coded.has(path);
  const refused = new Set(
    all.flatMap((one) => (one.blocks && isTold(one) ? (one.path ?? []) : [])),
  );
  const byPlace = new Map<string, DraftFinding>();
  for (const found of all) {
    if (isTold(found)) continue;
    const one = refused.has(found.path ?? "") ? { ...found, blocks: true } : found;
    const key =
      one.code !== undefined && one.path !== undefined ? `${one.code} ${one.path}` : one.message;
    const known = byPlace.get(key);
    if (known === undefined) byPlace.set(key, one);
    else {
      const kept = known.fix !== undefined || one.fix === undefined ? known : one;
      byPlace.set(key, { ...kept, blocks: known.blocks || one.blocks });
    }
  }
  return [...byPlace.values()].sort(
    (a, b) =>
      Number(b.blocks) - Number(a.blocks) ||
      (a.range?.[0] ?? Infinity) - (b.range?.[0] ?? Infinity),
  );
}

const PLACED = /^(?:document \d+ \()?(\w+ [\w.-]+\/[\w.-]+)\)?: (spec[^\s:]*): (.+)$/s;

function nameOf(identity: RuleIdentity | undefined): string | undefined {
  return identity && `${identity.kind} ${identity.namespace}/${identity.name}`;
}

function ofNote(text: string, identity: RuleIdentity | undefined, note: PreviewNote): DraftFinding {
  const { level, code, document, fix } = note;
  // The check of an apply names document and place in its sentence: `VirtualService shop/reviews: spec.hosts: …`.
  const told = PLACED.exec(note.message);
  const isPlaced = told !== null && `${told[1]}` === nameOf(identity);
  const path = note.path ?? (isPlaced ? told[2] : undefined);
  const message = isPlaced ? (told[3] ?? note.message) : note.message;
  const isOwn =
    document === undefined ||
    (document.kind === identity?.kind &&
      document.namespace === identity.namespace &&
      document.name === identity.name);
  const where = isOwn && path !== undefined ? path : undefined;
  return {
    id: `note ${level} ${code ?? ""} ${where ?? ""} ${message}`,
    severity: level === "fault" ? "fault" : "warning",
    blocks: level === "fault",
    code,
    message:
      isOwn || document === undefined ? message : `${document.kind} ${document.name}: ${message}`,
    advice: undefined,
    path: where,
    range: where === undefined ? undefined : rangeOfPath(text, parsePath(where)),
    fix:
      fix === undefined || !isOwn
        ? undefined
        : {
            label: fix.label,
            edits: [{ path: parsePath(fix.path), value: parseValue(fix.value) }],
          },
  };
}

const SEVERITIES = { error: "fault", warning: "warning", info: "info" } as const;

function ofFinding(text: string, finding: Finding): DraftFinding {
  const { code, severity, path, why, whatToDo, fix, line } = finding;
  const range = path === undefined ? undefined : rangeOfPath(text, parsePath(path));
  return {
    id: `finding ${code} ${path ?? ""} ${why}`,
    severity: SEVERITIES[severity],
    blocks: false,
    code,
    message: withoutPath(why, path),
    advice: whatToDo,
    path,
    range: range ?? (line === undefined ? undefined : rangeOfLine(text, line)),
    fix:
      fix === undefined
        ? undefined
        : {
            label: fix.title,
            edits: fix.edits.map((edit) => ({ path: edit.path, value: edit.value })),
          },
  };
}

/** It stands at its place already: `spec.host: must be …` → `must be …`. */
function withoutPath(message: string, path: string | undefined): string {
  const head = `${path}: `;
  return path !== undefined && message.startsWith(head) ? message.slice(head.length) : message;
}

/** The characters of a line, counted from 1, without what indents it. */
export function rangeOfLine(text: string, line: number): readonly [number, number] | undefined {
  let start = 0;
  for (let at = 1; at < line; at += 1) {
    start = text.indexOf("\n", start) + 1;
    if (start === 0) return undefined;
  }
  const end = text.indexOf("\n", start);
  const to = end === -1 ? text.length : end;
  const indent = /^\s*/.exec(text.slice(start, to))?.[0].length ?? 0;
  return [start + indent, to];
}

/** The line a place is on, from 1. */
export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
    line += 1;
  }
  return line;
}
