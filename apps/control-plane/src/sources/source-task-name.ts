import type { SourceKind } from "./source-keeper.ts";

/** One control plane at a time asks for the answers of all DnsSources. */
export const DNS_TASK = "registry dns";

/** The task, of which one control plane at a time carries it out, that reads a source. */
export function sourceTaskName({
  name,
  kind,
}: {
  readonly name: string;
  readonly kind: SourceKind;
}): string {
  return kind === "dns" ? DNS_TASK : `registry ${name}`;
}
