import { HeddleError } from "@heddle/runtime";

/** A canaried push was to be finished or stopped that does not run any more. */
export class PushEndedError extends HeddleError {
  override readonly name = "PushEndedError";
  constructor(id: string) {
    super(
      "HEDDLE_CHANGE_REFUSED",
      `the canaried push ${id} does not run any more; GET /pushes says how it ended`,
    );
  }
}
