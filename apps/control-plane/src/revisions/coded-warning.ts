import type { Code } from "@heddle/resources";

/** A sentence about a document, its reference first, and the findings that say the same. */
export type CodedWarning = { readonly text: string; readonly codes: readonly Code[] };

/** What of a finding tells what it is about. */
type Found = {
  readonly code: string;
  readonly subject: {
    readonly kind: string;
    readonly namespace?: string | undefined;
    readonly name: string;
  };
};

export function coded(codes: readonly Code[], texts: readonly string[]): CodedWarning[] {
  return texts.map((text) => ({ text, codes }));
}

export function textsOf(warnings: readonly CodedWarning[]): string[] {
  return warnings.map(({ text }) => text);
}

/** Warnings that no finding about the same document says already, with a place and what to do. */
export function withoutFound(
  warnings: readonly CodedWarning[],
  findings: readonly Found[],
): CodedWarning[] {
  const found = new Set(
    findings.map(({ code, subject: { kind, namespace = "", name } }) => {
      return `${code} ${kind} ${namespace}/${name}`;
    }),
  );
  return warnings.filter(({ text, codes }) => {
    const ref = text.slice(0, Math.max(0, text.indexOf(": ")));
    return !codes.some((code) => found.has(`${code} ${ref}`));
  });
}
