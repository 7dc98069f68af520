import type { YamlEdit } from "../edit-yaml.ts";
import type { Code } from "./codes.ts";
import type { Severity } from "./severity.ts";

/** A change of the text that alters nothing about which requests go where. */
export type Fix = { readonly title: string; readonly edits: readonly YamlEdit[] };

/** What is wrong or odd about one document, by a stable code. */
export type Finding = {
  /** `IST0101` … as Istio numbers them, `HDL001` … for Heddle's own. */
  readonly code: Code;
  /** The code in words: `ReferencedResourceNotFound`. */
  readonly name: string;
  readonly severity: Severity;
  readonly subject: {
    readonly kind: string;
    /** Absent: a kind that is in no namespace. */
    readonly namespace?: string;
    readonly name: string;
  };
  /** `VirtualService shop/reviews`; the namespace stands there only if the document says it. */
  readonly resource: string;
  /** The file as it was given; absent: a document of the live mesh. */
  readonly file?: string;
  /** Counted from 1. */
  readonly line?: number;
  readonly column?: number;
  /** `spec.http[0].route[1].destination`; absent: the document as a whole. */
  readonly path?: string;
  /** One sentence, with names and numbers. */
  readonly why: string;
  readonly whatToDo: string;
  readonly fix?: Fix;
};

/** What an analyzer tells of a document; the rest of the finding follows from the code and the place. */
export type Told = {
  readonly path?: readonly (string | number)[];
  readonly why: string;
  /** Absent: what the code says of itself. */
  readonly whatToDo?: string;
  readonly fix?: Fix;
};
