import type { AnalysisDocument } from "./analysis-document.ts";
import type { Code } from "./codes.ts";
import type { Told } from "./finding.ts";
import type { MeshFacts } from "./mesh-facts.ts";

export type Report = (document: AnalysisDocument, code: Code, told: Told) => void;

/** Looks at all documents for one kind of mistake. */
export type Analyzer = (mesh: MeshFacts, report: Report) => void;
