import {
  formatRef,
  type ParsedResource,
  type ParseOutcome,
  parseResources,
} from "@heddle/resources";
import type { Breather } from "./breather.ts";

/** `---` at the beginning of a line is where a document begins, wherever it stands (YAML 1.2 §9.1.2). */
const DOCUMENT_START = /^(?=---(?:\s|$))/m;

/** As of `parseResources`. */
const MAX_DOCUMENTS = 1000;

/** What `parseResources` makes of a text, document by document, so that others get their turn between two. */
export async function parseInTurns(
  text: string,
  twins: "refuse" | "last",
  breather: Breather,
): Promise<Pick<ParseOutcome & { ok: true }, "resources" | "warnings"> & { faults: Faults }> {
  const faults: Faults = [];
  const warnings: string[] = [];
  const resources = new Map<string, ParsedResource>();
  let count = 0;
  for (const part of text.split(DOCUMENT_START)) {
    if (part.trim() === "" || part.trim() === "---") continue;
    count += 1;
    if (count > MAX_DOCUMENTS) {
      faults.push({ field: "text", message: `holds more than ${MAX_DOCUMENTS} documents` });
      break;
    }
    const outcome = parseResources(part, { twins });
    if (outcome.ok) {
      warnings.push(...outcome.warnings);
      for (const one of outcome.resources) {
        const ref = formatRef(one.resource);
        if (resources.has(ref) && twins === "refuse") {
          faults.push({
            field: ref,
            message: "is in the text more than once; give each document once",
          });
        }
        resources.set(ref, one);
      }
    } else {
      const number = `document ${count}`;
      faults.push(
        ...outcome.faults.map((one) => ({
          ...one,
          field: one.field.replace(/^document 1\b/, number),
        })),
      );
    }
    await breather.breathe();
  }
  return { resources: [...resources.values()], warnings, faults };
}

type Faults = { field: string; message: string }[];
