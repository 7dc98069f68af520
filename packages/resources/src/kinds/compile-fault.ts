import {
  InvalidActionError,
  InvalidAuthorizationError,
  InvalidCidrError,
  InvalidFormatError,
  InvalidRegexError,
  InvalidSplitError,
} from "@heddle/mesh";

const RULE_ERRORS = [
  ...[InvalidActionError, InvalidAuthorizationError, InvalidCidrError],
  ...[InvalidFormatError, InvalidRegexError, InvalidSplitError],
];

/** Why the mesh's own compiler refuses a rule; `undefined`: it takes it. */
export function findCompileFault(compile: () => unknown): string | undefined {
  try {
    compile();
  } catch (error) {
    if (error instanceof Error && RULE_ERRORS.some((one) => error instanceof one)) {
      return error.message;
    }
    throw error;
  }
  return undefined;
}
