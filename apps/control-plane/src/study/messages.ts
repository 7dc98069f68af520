import type { PreviewRequest } from "@heddle/contracts";
import { type Analysis, type AnalysisFile, formatRef, type ParseOutcome } from "@heddle/resources";
import type { StoredInstance } from "@heddle/store";
import type { PreviewWithoutProxies } from "../preview/preview-change.ts";
import type { MeshDocument } from "../snapshot/mesh-document.ts";

/** What the control plane and its study say to each other. Plain data: each side gets a copy of its own. */

/** What has changed of documents and registry since the last of these. */
export type MirrorUpdate = {
  readonly documents: readonly MeshDocument[];
  /** By `mirrorKey`. */
  readonly goneDocuments: readonly string[];
  readonly instances: readonly StoredInstance[];
  readonly goneInstances: readonly string[];
  /** All of them are in force together from here on; absent: more comes. */
  readonly whole?: { readonly revision: number };
};

/** Tells a document apart from all others; a source may name one that somebody has applied, too. */
export function mirrorKey({ resource, origin }: MeshDocument): string {
  const ref = formatRef(resource);
  return origin === undefined ? ref : `sourced ${ref}`;
}

export type Analyzed = Analysis & { readonly revision: number };

/** Each question with its answer. */
export type StudyQuestions = {
  preview: {
    readonly question: {
      readonly request: PreviewRequest;
      readonly nowMs: number;
      /** Services that proxies use, `namespace/name`, besides those that documents name. */
      readonly used: readonly string[];
    };
    readonly answer: PreviewWithoutProxies & Pick<Analyzed, "findings">;
  };
  "analyze-mesh": { readonly question: { readonly nowMs: number }; readonly answer: Analyzed };
  "analyze-files": {
    readonly question: {
      readonly files: readonly AnalysisFile[];
      readonly namespace: string | undefined;
      readonly nowMs: number;
    };
    readonly answer: Analyzed;
  };
  parse: {
    readonly question: { readonly text: string; readonly twins: "refuse" | "last" };
    readonly answer: ParseOutcome;
  };
};
export type StudyKind = keyof StudyQuestions;
export type StudyQuestion<Kind extends StudyKind> = StudyQuestions[Kind]["question"];
export type StudyAnswer<Kind extends StudyKind> = StudyQuestions[Kind]["answer"];

/** One question of any kind, the kind beside it. */
export type AnyQuestion = {
  [Kind in StudyKind]: { readonly kind: Kind; readonly question: StudyQuestion<Kind> };
}[StudyKind];

export type ToStudy =
  | { readonly type: "update"; readonly update: MirrorUpdate }
  | ({ readonly type: "ask"; readonly id: number } & AnyQuestion)
  /** Nobody wants to know any more; it is answered all the same, by then or at the next breath. */
  | { readonly type: "cancel"; readonly id: number };

export type FromStudy =
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly type: "failed"; readonly id: number; readonly message: string };

/** What a study is started with. */
export type StudySettings = { readonly databaseUrl: string; readonly trustDomain: string };
