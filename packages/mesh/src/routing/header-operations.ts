/**
 * Istio's Headers: per direction `remove` first, then `set` (overwrite or add), then `add` (append).
 * Names are lower-case. Values are Envoy format strings (`%REQ(x)%`, `%%`).
 */
export type HeaderOperations = {
  readonly request?: HeaderChanges | undefined;
  readonly response?: HeaderChanges | undefined;
};
export type HeaderChanges = {
  readonly set?: Readonly<Record<string, string>> | undefined;
  readonly add?: Readonly<Record<string, string>> | undefined;
  readonly remove?: readonly string[] | undefined;
};
