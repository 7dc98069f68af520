import type { WorkloadResource } from "@heddle/contracts";
import { type AuthorizationPolicy, expandPrincipals, type TrustDomains } from "@heddle/mesh";
import { contentVersion } from "./content-version.ts";

type Domains = Pick<TrustDomains, "own" | "aliases">;

/** The same resource with principals of the mesh's own domain written out for all of its names, as Istio does. */
export function withTrustAliases(resource: WorkloadResource, domains: Domains): WorkloadResource {
  const { authorization, version, revision, ...rest } = resource;
  if (authorization === undefined) return resource;
  const expanded = authorization.map((policy) => expandPolicy(policy, domains));
  if (expanded.every((policy, index) => policy === authorization[index])) return resource;
  const content = { ...rest, authorization: expanded };
  return { ...content, version: contentVersion({ content, of: version }), revision };
}

function expandPolicy(policy: AuthorizationPolicy, domains: Domains): AuthorizationPolicy {
  const expand = (values: readonly string[] | undefined) =>
    values && expandPrincipals(values, domains);
  const rules = policy.rules.map((rule) => ({
    ...rule,
    from: rule.from.map((source) => ({
      ...source,
      principals: expand(source.principals),
      notPrincipals: expand(source.notPrincipals),
    })),
    when: rule.when.map((condition) =>
      condition.key === "source.principal"
        ? { ...condition, values: expand(condition.values), notValues: expand(condition.notValues) }
        : condition,
    ),
  }));
  return JSON.stringify(rules) === JSON.stringify(policy.rules) ? policy : { ...policy, rules };
}
