/** Why a message was refused; stable, and the last part of the error's code. */
export type Http1Fault =
  | "METHOD"
  | "TARGET"
  | "VERSION"
  | "STATUS"
  | "LINE_END"
  | "START_LINE_TOO_LONG"
  | "FIELD_TOO_LONG"
  | "HEAD_TOO_LARGE"
  | "TOO_MANY_FIELDS"
  | "FIELD_NAME"
  | "FIELD_VALUE"
  | "FOLDED_FIELD"
  | "HOST"
  | "CONNECTION"
  | "CONTENT_LENGTH"
  | "TRANSFER_ENCODING"
  | "CHUNK_SIZE"
  | "CHUNK_EXTENSION"
  | "CHUNK_END"
  | "UNEXPECTED_END";

/**
 * The bytes are not a message of RFC 9112 as Heddle reads it. `what` says which rule in words, `limit`
 * the number that was passed where the rule is a bound. `status` is what a server should answer.
 */
export class Http1Error extends Error {
  override readonly name = "Http1Error";
  readonly code: `HEDDLE_HTTP1_${Http1Fault}`;
  readonly fault: Http1Fault;
  readonly what: string;
  readonly limit: number | undefined;
  constructor(fault: Http1Fault, what: string, limit?: number) {
    super(limit === undefined ? what : `${what} (limit ${limit})`);
    this.code = `HEDDLE_HTTP1_${fault}`;
    this.fault = fault;
    this.what = what;
    this.limit = limit;
  }

  /** The status code a server answers this request with (RFC 9112 §3, RFC 6585 §5). */
  get status(): 400 | 414 | 431 | 505 {
    switch (this.fault) {
      case "START_LINE_TOO_LONG":
        return 414;
      case "FIELD_TOO_LONG":
      case "HEAD_TOO_LARGE":
      case "TOO_MANY_FIELDS":
        return 431;
      case "VERSION":
        return 505;
      default:
        return 400;
    }
  }
}
