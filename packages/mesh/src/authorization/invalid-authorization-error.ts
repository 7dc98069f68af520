/** An AuthorizationPolicy asks for something that cannot be decided. */
export class InvalidAuthorizationError extends Error {
  override readonly name = "InvalidAuthorizationError";
  readonly code = "HEDDLE_INVALID_AUTHORIZATION";
  /** As in the document, e.g. `to[0].operation.paths`. */
  readonly field: string;
  readonly value: string;
  constructor(field: string, value: string, reason: string) {
    super(`${field}: ${JSON.stringify(value)}: ${reason}`);
    this.field = field;
    this.value = value;
  }
}
