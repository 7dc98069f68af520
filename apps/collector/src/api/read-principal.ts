import type { AccessDirectory, Principal } from "@heddle/runtime";
import { ApiError } from "./problem.ts";

/** What a request carries once it has passed the door. */
export type CollectorEnv = { Variables: { principal: Principal } };

/** Whoever has any role may look at the whole mesh (docs/access.md). Throws `ApiError` 401, 403 or 503. */
export async function readPrincipal(
  access: AccessDirectory,
  token: string | undefined,
): Promise<Principal> {
  const found = token === undefined ? undefined : await access.authenticate(token, Date.now());
  if (found?.kind === "not-known-yet") {
    const why = "the database is away, and it alone knows who is logged in";
    throw new ApiError("HEDDLE_DATABASE_UNAVAILABLE", why);
  }
  if (found?.kind !== "principal") {
    throw new ApiError("HEDDLE_UNAUTHENTICATED", "a valid bearer token is needed");
  }
  const { principal } = found;
  if (principal.grants.length > 0) return principal;
  const why = `${principal.name} has no role yet. Ask an admin for viewer.`;
  throw new ApiError("HEDDLE_FORBIDDEN", why);
}
