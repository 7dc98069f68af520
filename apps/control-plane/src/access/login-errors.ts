import { HeddleError } from "@heddle/runtime";

/** Nobody was let in. The message is all that the browser hears; `reason` is for the audit log. */
export class LoginRefusedError extends HeddleError {
  override readonly name = "LoginRefusedError";
  readonly reason: string;
  constructor(message: string, reason: string) {
    super("HEDDLE_LOGIN_REFUSED", message);
    this.reason = reason;
  }
}

/** Too many attempts; the next may be made after that time. */
export class TooManyLoginsError extends HeddleError {
  override readonly name = "TooManyLoginsError";
  readonly retryAfterSeconds: number;
  constructor(waitMs: number) {
    const seconds = Math.ceil(waitMs / 1000);
    super("HEDDLE_TOO_MANY_REQUESTS", `too many attempts; try again in ${seconds} s`);
    this.retryAfterSeconds = seconds;
  }
}
