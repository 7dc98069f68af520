import type { Grant, Role } from "@heddle/contracts";

/** What each role may do, in the order of might. */
export const ROLE_WORDS: Readonly<Record<Role, string>> = {
  viewer: "sees everything of the mesh: graph, rules, history, certificates",
  operator: "changes rules, canaries and mTLS, and restores revisions, in the namespace",
  admin: "makes join tokens for the namespace; on the whole mesh: users, rotation, audit log",
};

/** `operator on shop` */
export function grantWords({ namespace, role }: Grant): string {
  return `${role} on ${namespaceWords(namespace)}`;
}

export function namespaceWords(namespace: string): string {
  return namespace === "*" ? "the whole mesh" : namespace;
}

/** What is wrong with a list of grants being written; `undefined`: nothing. */
export function grantsFault(grants: readonly Grant[]): string | undefined {
  const seen = new Set<string>();
  for (const { namespace } of grants) {
    if (!/^(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$/.test(namespace)) {
      return namespace === ""
        ? "Name the namespace of each role, or * for the whole mesh."
        : `${namespace} is no namespace: lower-case letters, digits and hyphens, or * for the whole mesh.`;
    }
    if (seen.has(namespace)) return `${namespaceWords(namespace)} stands there twice.`;
    seen.add(namespace);
  }
  return undefined;
}
