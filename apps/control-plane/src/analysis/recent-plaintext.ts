import { type ConfigDb, DatabaseUnavailableError, findPlaintextTraffic } from "@heddle/store";
import type { FindPlaintext } from "./mesh-analysis.ts";

const WINDOW_MS = 3_600_000;
/** Analyses come in bursts, while somebody types. */
const REMEMBERED_MS = 10_000;

/** What the collectors have counted; a database that is away tells nothing, which is no error of the documents. */
export function recentPlaintext(db: () => ConfigDb): FindPlaintext {
  let last: { readonly atMs: number; readonly answer: ReturnType<FindPlaintext> } | undefined;
  return (nowMs) => {
    if (last === undefined || nowMs - last.atMs >= REMEMBERED_MS) {
      last = { atMs: nowMs, answer: read(db(), nowMs) };
    }
    return last.answer;
  };
}

async function read(db: ConfigDb, nowMs: number): ReturnType<FindPlaintext> {
  const everything = { namespace: undefined, workload: undefined, dryRuns: [] };
  try {
    const traffic = await findPlaintextTraffic(db, { ...everything, windowMs: WINDOW_MS, nowMs });
    return traffic
      .filter(({ accepted, refused }) => accepted + refused > 0)
      .map(({ namespace, workload, sourceAddress: address }) => ({ namespace, workload, address }));
  } catch (error) {
    if (!(error instanceof DatabaseUnavailableError)) throw error;
    return undefined;
  }
}
