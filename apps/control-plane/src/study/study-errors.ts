import { HeddleError } from "@heddle/runtime";

/** As many questions wait for the study as may. */
export class StudyBusyError extends HeddleError {
  override readonly name = "StudyBusyError";
  constructor(waiting: number) {
    super(
      "HEDDLE_TOO_MANY_REQUESTS",
      `${waiting} previews and analyses are under way already; try again in some seconds`,
    );
  }
}

/** A question that the study could not answer in its time or its memory. */
export class StudyFailedError extends HeddleError {
  override readonly name = "StudyFailedError";
  constructor(why: string) {
    super("HEDDLE_STUDY_FAILED", `${why}; give fewer or smaller documents at once`);
  }
}
