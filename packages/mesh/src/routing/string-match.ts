/**
 * How one text is compared, as Istio's StringMatch; `present`: any value will do. A regular expression
 * is RE2 and must match the whole text.
 */
export type StringMatch =
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "prefix"; readonly value: string }
  | { readonly kind: "regex"; readonly value: string }
  | { readonly kind: "present" };
