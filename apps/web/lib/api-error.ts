import { Problem } from "@heddle/contracts";

/** One fault of an input: where it is and what is allowed. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/**
 * Every failed call to the API, whatever failed. `status` is the answer's, or 0 when none came. The message is a
 * sentence for people: the problem's `detail`.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly fields: readonly FieldFault[];
  /** The whole answer, for problems with members of their own (`ConflictProblem`). */
  readonly body: unknown;

  constructor(
    problem: Omit<Problem, "type">,
    options?: ErrorOptions & { readonly body?: unknown },
  ) {
    super(problem.detail, options);
    this.status = problem.status;
    this.code = problem.code;
    this.title = problem.title;
    this.fields = problem.errors ?? [];
    this.body = options?.body;
  }
}

/** The error an answer of status ≥ 400 stands for, whether its body is a problem document or not. */
export async function apiErrorFromResponse(response: Response): Promise<ApiError> {
  const text = await response.text();
  const body = parseJson(text);
  const problem = Problem.safeParse(body);
  if (problem.success) return new ApiError(problem.data, { body });
  return new ApiError({
    status: response.status,
    code: "HEDDLE_UNEXPECTED_ANSWER",
    title: "Unexpected answer",
    detail: `The console answered ${response.status}${response.statusText === "" ? "" : ` ${response.statusText}`} without saying why.`,
  });
}

/** The browser got no answer at all: the console is down or the network is. */
export function noAnswerError(cause: unknown): ApiError {
  return new ApiError(
    {
      status: 0,
      code: "HEDDLE_CONSOLE_UNREACHABLE",
      title: "No answer",
      detail:
        "The console does not answer. Traffic flows on; nothing was changed that is not shown here.",
    },
    { cause },
  );
}

/** The answer came but is not what the contract says; usually console and server differ in version. */
export function wrongShapeError(path: string, cause: unknown): ApiError {
  return new ApiError(
    {
      status: 200,
      code: "HEDDLE_UNEXPECTED_ANSWER",
      title: "Unexpected answer",
      detail: `The answer to ${path} is not what this console understands; it may be of another version.`,
    },
    { cause },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // an HTML page or nothing: the caller falls back to the status
  }
}
