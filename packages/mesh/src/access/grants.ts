/** What a person or script may do: look, change, or also decide who else may. Each includes those before it. */
export type Role = "viewer" | "operator" | "admin";

/** A role on one namespace; `*` is the whole mesh. `{ namespace: "shop", role: "operator" }` */
export type Grant = { readonly namespace: string; readonly role: Role };

/** The namespace that stands for all of them, and for what belongs to none. */
export const WHOLE_MESH = "*";

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** The highest role on a namespace, those on the whole mesh included; `undefined`: none. */
export function roleOn(grants: readonly Grant[], namespace: string): Role | undefined {
  let best: Role | undefined;
  for (const grant of grants) {
    if (grant.namespace !== WHOLE_MESH && grant.namespace !== namespace) continue;
    if (best === undefined || RANK[grant.role] > RANK[best]) best = grant.role;
  }
  return best;
}

/** Whether the grants reach `needed` on the namespace; on `*` only a grant on `*` does. */
export function allows(grants: readonly Grant[], needed: Role, namespace: string): boolean {
  const role = roleOn(grants, namespace);
  return role !== undefined && RANK[role] >= RANK[needed];
}

/** Whether the grants reach `needed` on at least one namespace. */
export function allowsSomewhere(grants: readonly Grant[], needed: Role): boolean {
  return grants.some(({ role }) => RANK[role] >= RANK[needed]);
}

/** The grants of `inner` that `outer` does not reach: what its holder cannot hand on. */
export function beyond(inner: readonly Grant[], outer: readonly Grant[]): readonly Grant[] {
  return inner.filter(({ namespace, role }) => !allows(outer, role, namespace));
}

/** `inner`, but nowhere more than `outer` allows: a token never outgrows its owner. */
export function capGrants(inner: readonly Grant[], outer: readonly Grant[]): readonly Grant[] {
  const namespaces = new Set([...inner, ...outer].map(({ namespace }) => namespace));
  return [...namespaces].flatMap((namespace): Grant[] => {
    const [wanted, held] = [roleOn(inner, namespace), roleOn(outer, namespace)];
    if (wanted === undefined || held === undefined) return [];
    return [{ namespace, role: RANK[wanted] < RANK[held] ? wanted : held }];
  });
}
