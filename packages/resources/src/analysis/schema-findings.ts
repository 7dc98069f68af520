import type { AnalysisDocument } from "./analysis-document.ts";
import type { Report } from "./analyzer.ts";

/** IST0106, HDL027, HDL028: what reading a document by itself has shown. */
export function reportReading(document: AnalysisDocument, report: Report): void {
  const { source } = document;
  if (!source) return;
  for (const { field, message } of source.faults) {
    report(document, "IST0106", {
      path: parsePath(field),
      why: field === "" ? message : `${field}: ${message}`,
    });
  }
  for (const { path, message } of source.notes) {
    report(document, "HDL028", { path: path.map(toStep), why: message });
  }
  if (source.passedOver === undefined || STANDS_FOR_REGISTRY.has(document.type)) return;
  report(document, "HDL027", { why: source.passedOver, path: ["kind"] });
}

/** Kinds that tell analysis what runs: they are in the files for that, and nothing need be said of it. */
const STANDS_FOR_REGISTRY = new Set(["Pod", "Node", "Namespace", "Deployment", "MeshNetworks"]);

const toStep = (step: PropertyKey) => (typeof step === "number" ? step : String(step));

/** `spec.http[0].timeout` into its steps. */
function parsePath(field: string): (string | number)[] {
  return [...field.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([step, index]) =>
    index === undefined ? step : Number(index),
  );
}
