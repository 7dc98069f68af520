import type { ResourceChange, ResourceKind } from "@heddle/contracts";
import { structuredPatch } from "diff";

/** One document's change with its unified diff: 3 lines of context, no file header. */
export function describeChange(change: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}): ResourceChange {
  const { namespace, name, before, after } = change;
  return {
    kind: change.kind as ResourceKind, // only documents of these kinds are ever stored
    namespace,
    name,
    action: before === undefined ? "created" : after === undefined ? "deleted" : "updated",
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    diff: unifiedDiff(before ?? "", after ?? ""),
  };
}

function unifiedDiff(before: string, after: string): string {
  const { hunks } = structuredPatch("before", "after", before, after, "", "", { context: 3 });
  return hunks
    .map((hunk) => {
      const range = `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`;
      return [range, ...hunk.lines].join("\n");
    })
    .join("\n");
}
