import type { ProblemCode } from "@heddle/contracts";

/** Codes of a connection that never came to be: whoever was asked has not even seen the request. */
const NOT_REACHED: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Which of several equal servers has answered last. */
const answered = new WeakMap<readonly URL[], number>();

/**
 * Asks the one of several equal servers that has answered last, then the others as long as none does. A change is
 * asked for again only if the server before was not reached, or said that it only starts: what became of it is not
 * known otherwise.
 */
export async function askAny(
  urls: readonly URL[],
  ask: (url: URL) => Promise<Response>,
  isSafe: boolean,
): Promise<Response> {
  const first = answered.get(urls) ?? 0;
  for (let tried = 1; ; tried++) {
    const at = (first + tried - 1) % urls.length;
    const url = urls[at];
    if (!url) throw new Error("there is nobody to ask");
    try {
      const response = await ask(url);
      if (tried < urls.length && (await isStarting(response))) continue;
      answered.set(urls, at);
      return response;
    } catch (error) {
      answered.set(urls, (at + 1) % urls.length); // the next request begins elsewhere
      if (tried === urls.length || !(isSafe || wasNotReached(error))) throw error;
    }
  }
}

/** It refuses whatever it is asked, and has done nothing of it. */
async function isStarting(response: Response): Promise<boolean> {
  if (response.status !== 503) return false;
  const problem: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return (
    typeof problem === "object" &&
    problem !== null &&
    "code" in problem &&
    problem.code === ("HEDDLE_NOT_READY" satisfies ProblemCode)
  );
}

function wasNotReached(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (NOT_REACHED.has((at as NodeJS.ErrnoException).code)) return true;
    // Node tries every address of a name, and tells of all at once.
    if (at instanceof AggregateError) return at.errors.every(wasNotReached);
  }
  return false;
}
