import type fc from "fast-check";

/**
 * How long a property is tried: a few hundred runs with every test run, or for as many minutes each as
 * `HEDDLE_FUZZ_MINUTES` says. fast-check prints the seed of a failure.
 */
export function fuzzSettings<T>(numRuns: number): fc.Parameters<T> {
  const minutes = Number(process.env["HEDDLE_FUZZ_MINUTES"] ?? 0);
  if (!(minutes > 0)) return { numRuns };
  return { numRuns: 2 ** 31 - 1, interruptAfterTimeLimit: minutes * 60_000 };
}
