import type { DocumentMerge } from "@heddle/contracts";
import { editRule, parsePath, parseValue, type YamlEdit } from "./rule-yaml.ts";

/** Whose value stands at a place both changed. */
export type Pick = "theirs" | "yours";

/**
 * The draft with their values at every place both changed: what it and their state come to together then leaves no
 * conflict. `undefined`: one of them did away with the document, so there is nothing to put together.
 */
export function withTheirs({ yours, conflicts }: DocumentMerge): string | undefined {
  if (conflicts.some(({ path }) => path === "")) return undefined;
  return editRule(
    yours,
    conflicts.map(({ path, theirs }) => editOf(path, theirs)),
  );
}

/** The text both come to, with your values where you chose them. */
export function withPicks(
  merged: string,
  conflicts: DocumentMerge["conflicts"],
  picks: ReadonlyMap<string, Pick>,
): string {
  const mine = conflicts.filter(({ path }) => picks.get(path) === "yours");
  return editRule(
    merged,
    mine.map(({ path, yours }) => editOf(path, yours)),
  );
}

function editOf(path: string, value: string | undefined): YamlEdit {
  return { path: parsePath(path), value: value === undefined ? undefined : parseValue(value) };
}
