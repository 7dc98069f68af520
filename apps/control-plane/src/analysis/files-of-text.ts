import type { FileStarts } from "@heddle/contracts";
import type { AnalysisFile } from "@heddle/resources";

/** A text's parts by the files it was joined of; one part named `text` where nobody says. */
export function filesOfText(text: string, starts: FileStarts = []): AnalysisFile[] {
  const [first] = starts;
  if (first === undefined) return [{ name: "text", text }];
  const lines = text.split("\n");
  return starts.map(({ name, line }, index) => {
    const end = starts[index + 1]?.line ?? lines.length + 1;
    return { name, text: lines.slice(line - 1, Math.max(line, end) - 1).join("\n") };
  });
}
