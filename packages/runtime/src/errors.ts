/**
 * Base of every expected failure: a stable `code`, a sentence for people, the subject in fields of
 * the subclass. `exitCode` is what a process that dies of it returns.
 */
export class HeddleError extends Error {
  override readonly name: string = "HeddleError";
  readonly code: string;
  constructor(code: `HEDDLE_${string}`, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A variable, flag or file the process cannot start with; the message names every fault at once. */
export class InvalidConfigError extends HeddleError {
  override readonly name = "InvalidConfigError";
  constructor(message: string) {
    super("HEDDLE_INVALID_CONFIG", message);
  }
}

/** A listener's port is in use; the message says how to choose another. */
export class PortTakenError extends HeddleError {
  override readonly name = "PortTakenError";
  readonly port: number;
  constructor(port: number, purpose: string, variable: string, holder: string | undefined) {
    super(
      "HEDDLE_PORT_TAKEN",
      `port ${port} (${purpose}) is taken${holder ? ` by ${holder}` : " by another program"}; choose another with ${variable}=<port>`,
    );
    this.port = port;
  }
}

/** Turns any caught value into an error with a code; errors of ours pass through unchanged. */
export function toHeddleError(caught: unknown): HeddleError {
  if (caught instanceof HeddleError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  return new HeddleError("HEDDLE_UNEXPECTED", message, { cause: caught });
}
