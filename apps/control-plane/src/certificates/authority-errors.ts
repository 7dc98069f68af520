import { HeddleError } from "@heddle/runtime";

/** What was asked of the authority does not fit its present state. */
export class AuthorityConflictError extends HeddleError {
  override readonly name = "AuthorityConflictError";
  constructor(message: string) {
    super("HEDDLE_AUTHORITY_CONFLICT", message);
  }
}

/** No authority whose key is here may sign now; proxies keep what they have and ask again. */
export class CannotSignError extends HeddleError {
  override readonly name = "CannotSignError";
  constructor(message: string) {
    super("HEDDLE_CANNOT_SIGN", message);
  }
}
