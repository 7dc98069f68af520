import { type ProblemCode, toProblem } from "@heddle/contracts";

/** An RFC 9457 answer of the console itself; `detail` is a sentence for people. */
export function problemResponse(
  code: ProblemCode,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const problem = toProblem(code, detail);
  return Response.json(problem, {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...headers,
    },
  });
}

/** For the methods an address of the console does not take. */
export function refuseMethod(...allowed: readonly string[]): (request: Request) => Response {
  const allow = allowed.join(", ");
  return (request) => {
    const { pathname } = new URL(request.url);
    const why = `${pathname} does not take ${request.method}; it takes ${allow}`;
    return problemResponse("HEDDLE_METHOD_NOT_ALLOWED", why, { allow });
  };
}
