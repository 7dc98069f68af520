/** The condition did not come true before the deadline; `last` is what it last said. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
  constructor(what: string, deadlineMs: number, last: unknown) {
    super(`${what}: not within ${deadlineMs} ms; last: ${describe(last)}`);
  }
}

/**
 * Asks `probe` again and again until it returns something other than `undefined` or `false`, and returns
 * that. A probe that throws counts as "not yet". Throws `DeadlineError` after `deadlineMs`.
 */
export async function waitFor<T>(
  what: string,
  deadlineMs: number,
  probe: () => T | Promise<T>,
): Promise<Exclude<T, undefined | false>> {
  const endMs = performance.now() + deadlineMs;
  let last: unknown;
  do {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
      last = value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (performance.now() < endMs);
  throw new DeadlineError(what, deadlineMs, last);
}

function describe(value: unknown): string {
  return value instanceof Error ? value.message : (JSON.stringify(value) ?? "nothing");
}
