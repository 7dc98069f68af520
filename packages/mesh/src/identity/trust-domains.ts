/** The trust domains whose identities a mesh takes. Semantics of aliases: MeshConfig.trustDomainAliases. */
export type TrustDomains = {
  readonly own: string;
  /** Identities of these count as the mesh's own, e.g. from before it was renamed. */
  readonly aliases: readonly string[];
  /** Other meshes' with roots of their own. */
  readonly others: readonly string[];
};

/** The domain whose roots must speak for an identity of `trustDomain`; `undefined`: none, it is not taken. */
export function speakerOf(trustDomain: string, domains: TrustDomains): string | undefined {
  if (trustDomain === domains.own || domains.aliases.includes(trustDomain)) return domains.own;
  return domains.others.includes(trustDomain) ? trustDomain : undefined;
}

const IDENTITY = /^spiffe:\/\/([^/]+)(\/.*)$/;

/** The trust domain of a SPIFFE id of any path; `undefined`: it is none. */
export function trustDomainOf(uri: string): string | undefined {
  return IDENTITY.exec(uri)?.[1];
}

/** Whether two identities are one: letter by letter, or but for the mesh's own domain and its aliases. */
export function isSameIdentity(
  shown: string,
  expected: string,
  domains: Pick<TrustDomains, "own" | "aliases">,
): boolean {
  if (shown === expected) return true;
  if (domains.aliases.length === 0) return false;
  const [, shownDomain = "", shownPath] = IDENTITY.exec(shown) ?? [];
  const [, expectedDomain = "", expectedPath] = IDENTITY.exec(expected) ?? [];
  const isOwn = (domain: string) => domain === domains.own || domains.aliases.includes(domain);
  return shownPath === expectedPath && isOwn(shownDomain) && isOwn(expectedDomain);
}

/**
 * A policy's principals (`<trust domain>/ns/<namespace>/sa/<workload>`, `*` at either end), with those of the
 * own domain written out for its aliases, and those of an alias for the others, as Istio does. `cluster.local`
 * stands for the own domain, however it is called.
 */
export function expandPrincipals(
  principals: readonly string[],
  domains: Pick<TrustDomains, "own" | "aliases">,
): readonly string[] {
  const own = [domains.own, ...domains.aliases];
  if (domains.aliases.length === 0 && domains.own === LOCAL) return principals;
  const expanded = principals.flatMap((principal) => {
    const slash = principal.indexOf("/");
    const domain = principal.slice(0, slash);
    if (slash < 1 || !(own.includes(domain) || domain === LOCAL)) return [principal];
    return own.map((one) => one + principal.slice(slash));
  });
  return [...new Set(expanded)];
}

const LOCAL = "cluster.local";
