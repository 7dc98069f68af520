import type { CompiledAuthorization, CustomRules, ExternalAuthorizer } from "@heddle/mesh";

/** What a workload's CUSTOM policies ask for, or would. */
export type CustomAuthorization = {
  /** Whose requests somebody else decides on; `undefined`: only shadow policies name anybody. */
  readonly rules: CustomRules | undefined;
  readonly shadow: CustomRules | undefined;
  readonly authorizer: ExternalAuthorizer | undefined;
  /** Why there are rules and nobody to ask: then everybody is denied, on TCP too (Istio). */
  readonly problem: string | undefined;
};

/** `undefined`: there is no CUSTOM policy. */
export function findCustomAuthorization(
  compiled: CompiledAuthorization | undefined,
  authorizers: readonly ExternalAuthorizer[],
): CustomAuthorization | undefined {
  const rules = compiled?.custom;
  const shadow = compiled?.customShadow;
  if (rules === undefined) {
    if (shadow === undefined) return undefined;
    return { rules, shadow, authorizer: undefined, problem: undefined };
  }
  const [name, ...others] = rules.providers;
  if (others.length > 0) {
    const problem = `CUSTOM policies name several providers (${rules.providers.join(", ")}), a workload has one`;
    return { rules, shadow, authorizer: undefined, problem };
  }
  const authorizer = authorizers.find((one) => one.name === name);
  const problem =
    authorizer === undefined
      ? `MeshConfig has no extension provider "${name}" of kind envoyExtAuthzHttp`
      : undefined;
  return { rules, shadow, authorizer, problem };
}
