import type { Finding } from "@heddle/contracts";
import {
  analyze,
  applyFixes,
  countFindings,
  type Finding as FindingOfFile,
} from "@heddle/resources";
import { diffLines } from "./diff-lines.ts";

/** A file's name as it was given, and what is in it. */
export type NamedText = { readonly name: string; readonly text: string };

/** What the files say of each other; no mesh is asked. */
export function analyzeAlone(
  files: readonly NamedText[],
  { namespace, nowMs }: { readonly namespace: string | undefined; readonly nowMs: number },
) {
  const { documents, findings } = analyze({ files, namespace, nowMs });
  return { documents, counts: countFindings(findings), findings: findings.map(toWire) };
}

/** The files whose text the safe fixes of these findings change, with what they change. */
export function fixFiles(
  files: readonly NamedText[],
  findings: readonly Finding[],
): (NamedText & { readonly diff: string })[] {
  return files.flatMap(({ name, text }) => {
    const own = findings.filter(({ file }) => file === name);
    const { text: after, fixed } = applyFixes(text, own as readonly FindingOfFile[]);
    if (fixed.length === 0) return [];
    const titles = fixed.map(({ code, fix }) => `# ${code}: ${fix?.title ?? ""}\n`).join("");
    return [
      { name, text: after, diff: `--- ${name}\n+++ ${name}\n${titles}${diffLines(text, after)}` },
    ];
  });
}

function toWire({ subject, fix, ...rest }: FindingOfFile): Finding {
  if (!fix) return { ...rest, subject: { ...subject } };
  const edits = fix.edits.map(({ path, value }) => ({ path: [...path], value }));
  return { ...rest, subject: { ...subject }, fix: { title: fix.title, edits } };
}
