/** What a route is told to do with its requests cannot be done; found when the rule arrives. */
export class InvalidActionError extends Error {
  override readonly name = "InvalidActionError";
  readonly code = "HEDDLE_INVALID_ACTION";
  /** As in the document: `rewrite.uri`, `headers.request.set["x-a"]`. */
  readonly field: string;
  readonly value: string;
  constructor(field: string, value: string, allowed: string) {
    super(`${field}: ${JSON.stringify(value)} is not possible; ${allowed}`);
    this.field = field;
    this.value = value;
  }
}
