import { HeddleError } from "@heddle/runtime";

/** A process of the mesh ended, or was not ready in time, while `up` waited for it. */
export class ProcessStartError extends HeddleError {
  override readonly name = "ProcessStartError";
  readonly processName: string;
  constructor(processName: string, why: string, logFile: string) {
    super("HEDDLE_PROCESS_START", `${processName} did not start: ${why} (log: ${logFile})`);
    this.processName = processName;
  }
}

/** Another `heddle up` works on the same home. */
export class HomeLockedError extends HeddleError {
  override readonly name = "HomeLockedError";
  readonly pid: number;
  constructor(homeDir: string, pid: number) {
    super(
      "HEDDLE_HOME_LOCKED",
      `heddle up already runs on ${homeDir} (process ${pid}); stop that one, or choose another folder with HEDDLE_HOME=<folder>`,
    );
    this.pid = pid;
  }
}

/** The folder for Heddle's data cannot be used as it is. */
export class HomeError extends HeddleError {
  override readonly name = "HomeError";
  constructor(message: string, options?: ErrorOptions) {
    super("HEDDLE_HOME", message, options);
  }
}

/** The API refused, or could not be asked. `status` 0: no answer. */
export class ApiError extends HeddleError {
  override readonly name = "ApiError";
  readonly status: number;
  /** The whole answer, as it came; what a caller knows of it, it reads by the contract. */
  readonly problem: unknown;
  constructor(
    status: number,
    message: string,
    { problem, ...options }: ErrorOptions & { readonly problem?: unknown } = {},
  ) {
    super("HEDDLE_API", message, options);
    this.status = status;
    this.problem = problem;
  }
}

/** Documents have moved on since they were read; the message shows all sides and what to do. */
export class StaleDocumentsError extends HeddleError {
  override readonly name = "StaleDocumentsError";
  constructor(message: string, options?: ErrorOptions) {
    super("HEDDLE_STALE_DOCUMENTS", message, options);
  }
}

/** `git` is missing, or has refused; the message holds its words. */
export class GitError extends HeddleError {
  override readonly name = "GitError";
  /** There is no git on this machine. */
  readonly isMissing: boolean;
  constructor(
    message: string,
    { isMissing = false, ...options }: ErrorOptions & { readonly isMissing?: boolean } = {},
  ) {
    super("HEDDLE_GIT", message, options);
    this.isMissing = isMissing;
  }
}

/** A repository and the mesh differ, and the exit code was to tell. */
export class DriftError extends HeddleError {
  override readonly name = "DriftError";
  constructor(documents: number) {
    super(
      "HEDDLE_DRIFT",
      `${documents} ${documents === 1 ? "document differs" : "documents differ"}`,
    );
  }
}

/** The arguments make no sense together. */
export class UsageError extends HeddleError {
  override readonly name = "UsageError";
  constructor(message: string) {
    super("HEDDLE_USAGE", message);
  }
}

/** A push was to be finished or stopped while none runs. */
export class NoPushRunsError extends HeddleError {
  override readonly name = "NoPushRunsError";
  constructor() {
    super("HEDDLE_NO_PUSH", "no canaried push runs; heddle pushes lists those that ended");
  }
}

/** A guarded flip did not end as it was meant to: STRICT was taken back, or nobody watches it. */
export class GuardEndedError extends HeddleError {
  override readonly name = "GuardEndedError";
  readonly status: string;
  constructor(status: string) {
    super("HEDDLE_GUARD_ENDED", `the guard ended: ${status}`);
    this.status = status;
  }
}
