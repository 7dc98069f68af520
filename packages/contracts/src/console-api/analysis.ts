import { z } from "zod";

/** `error`: something breaks or has no effect; `warning`: probably not what was meant; `info`: worth knowing. */
export const FindingSeverity = z.enum(["error", "warning", "info"]);

/**
 * The document a finding is about. `namespace` is the one it is in (`default` where the file names none, or
 * what the request gave); absent for kinds that are in none (Namespace, Node …).
 */
export const FindingSubject = z.object({
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
});

/** One value to set (`value` absent: to take away) at a path of the document, e.g. `["spec","http",0]`. */
export const FindingEdit = z.object({
  path: z.array(z.union([z.string(), z.number().int()])),
  value: z.unknown().optional(),
});

/**
 * What is wrong or odd about one document, by a stable code: `IST0101` … are Istio's own numbers, names and
 * levels, `HDL001` … are Heddle's. docs/findings.md has a row for each (anchor: the code in lower case).
 */
export const Finding = z.object({
  code: z.string(),
  /** The code in words, e.g. `ReferencedResourceNotFound`. */
  name: z.string(),
  severity: FindingSeverity,
  subject: FindingSubject,
  /** `VirtualService shop/reviews`; the namespace is there only if the document itself says it. */
  resource: z.string(),
  /** The file as it was given; absent for a document of the live mesh. */
  file: z.string().optional(),
  /** Counted from 1, in the file (of a live document: in its text as `GET /resources` shows it). */
  line: z.number().int().optional(),
  column: z.number().int().optional(),
  /** The field, e.g. `spec.http[0].route[1].destination.subset`; absent: the document as a whole. */
  path: z.string().optional(),
  /** One sentence: what is wrong, with the names and numbers. */
  why: z.string(),
  /** One sentence: what to do about it. */
  whatToDo: z.string(),
  /** Only where it is safe: it changes nothing about which requests go where. */
  fix: z.object({ title: z.string(), edits: z.array(FindingEdit) }).optional(),
});

/** How many of each severity; of all findings, also of those that were left out of the list. */
export const FindingCounts = z.object({
  error: z.number().int(),
  warning: z.number().int(),
  info: z.number().int(),
});

/** `GET /analysis?namespace=&severity=` (both optional): the documents as they stand, against the live mesh. */
export const AnalysisResponse = z.object({
  revision: z.number().int(),
  counts: FindingCounts,
  /** Errors first, then by resource, line and code; 1000 at most. */
  findings: z.array(Finding),
});

/**
 * `POST /analyze`: texts of YAML documents, together with what is in the mesh (a document given takes the
 * place of the live one of its name). Nothing is changed. Findings are of the given documents only.
 */
export const AnalyzeRequest = z.object({
  files: z
    .array(z.object({ name: z.string().min(1).max(500), text: z.string().max(1_048_576) }))
    .min(1)
    .max(200),
  /** Of documents that name none; absent: `default`. */
  namespace: z.string().max(63).optional(),
});
/** `documents`: how many were in the files. */
export const AnalyzeResponse = z.object({
  revision: z.number().int(), // of the mesh it was held against
  documents: z.number().int(),
  counts: FindingCounts,
  findings: z.array(Finding),
});

export type FindingSeverity = z.infer<typeof FindingSeverity>;
export type FindingSubject = z.infer<typeof FindingSubject>;
export type FindingEdit = z.infer<typeof FindingEdit>;
export type Finding = z.infer<typeof Finding>;
export type FindingCounts = z.infer<typeof FindingCounts>;
export type AnalysisResponse = z.infer<typeof AnalysisResponse>;
export type AnalyzeRequest = z.infer<typeof AnalyzeRequest>;
export type AnalyzeResponse = z.infer<typeof AnalyzeResponse>;
