import { HomeLockedError } from "../errors.ts";
import { takeLock } from "../process-lock.ts";
import type { Home } from "./home.ts";

/** Takes the home for this `up`; the returned function gives it back. */
export function lockHome(home: Home): () => void {
  const lock = takeLock(home.path("run", "up.lock"));
  if (!lock.isTaken) throw new HomeLockedError(home.dir, lock.holder);
  return () => lock.release();
}
