import { HeddleError } from "@heddle/runtime";

/** Somebody asks faster than anyone types, or all who may ask at once already do. */
export class TooManyPreviewsError extends HeddleError {
  override readonly name = "TooManyPreviewsError";
  constructor() {
    super("HEDDLE_TOO_MANY_REQUESTS", "too many previews at once; ask again in a second");
  }
}
