import type { MeResponse } from "@heddle/contracts";

const RANK = { viewer: 0, operator: 1, admin: 2 } as const;
type Role = keyof typeof RANK;

/**
 * Why a person may not do what needs a role on a namespace (`*`: on the whole mesh); `undefined` when they may, and
 * while nobody knows who they are: the server refuses if it must.
 */
export function readOnlyReason(
  me: Pick<MeResponse, "name" | "role" | "grants"> | undefined,
  needed: Exclude<Role, "viewer">,
  namespace: string,
): string | undefined {
  if (me === undefined) return undefined;
  const grants = me.grants ?? [{ namespace: "*", role: me.role }];
  const reached = grants.filter((grant) => [namespace, "*"].includes(grant.namespace));
  if (reached.some(({ role }) => RANK[role] >= RANK[needed])) return undefined;
  const where = namespace === "*" ? "the whole mesh" : namespace;
  return `You can see this but not change it. Ask an admin for ${needed} on ${where}.`;
}
