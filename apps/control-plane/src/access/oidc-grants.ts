import type { Grant, Role } from "@heddle/mesh";

/** Grants by a claim's value; `*`: for everybody who logs in by the provider. */
export type GrantRule = { readonly value: string; readonly grants: readonly Grant[] };

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };
const GRANT = /^(viewer|operator|admin)(?:@(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?))?$/;

/**
 * `mesh-admins=admin; shop-team=operator@shop,viewer; *=viewer`: a role without a namespace is on the whole
 * mesh. `undefined`: the text is not of this form.
 */
export function parseGrantRules(text: string): readonly GrantRule[] | undefined {
  const rules: GrantRule[] = [];
  for (const part of text.split(";")) {
    if (part.trim() === "") continue;
    const at = part.lastIndexOf("=");
    const value = part.slice(0, Math.max(at, 0)).trim();
    const grants = part
      .slice(at + 1)
      .split(",")
      .map(parseGrant);
    if (value === "" || grants.includes(undefined)) return undefined;
    rules.push({ value, grants: grants.filter((one) => one !== undefined) });
  }
  return rules;
}

/** The grants of somebody with that claim (a text or a list of texts); of several on a namespace the highest. */
export function grantsOfClaim(rules: readonly GrantRule[], claim: unknown): readonly Grant[] {
  const values = new Set((Array.isArray(claim) ? claim : [claim]).filter(isText));
  const best = new Map<string, Role>();
  for (const { value, grants } of rules) {
    if (value !== "*" && !values.has(value)) continue;
    for (const { namespace, role } of grants) {
      const held = best.get(namespace);
      if (held === undefined || RANK[role] > RANK[held]) best.set(namespace, role);
    }
  }
  return [...best].map(([namespace, role]) => ({ namespace, role }));
}

function parseGrant(text: string): Grant | undefined {
  const match = GRANT.exec(text.trim());
  if (!match) return undefined;
  return { namespace: match[2] ?? "*", role: match[1] as Role }; // the pattern takes these three alone
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
