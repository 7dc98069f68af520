import type { RuleRef } from "./rule-ref.ts";

/** Where a rule is looked at and edited. */
export function ruleHref({ kind, namespace, name }: RuleRef): string {
  return `/rules/${[kind, namespace, name].map(encodeURIComponent).join("/")}`;
}

/** A new rule that begins as a copy of another. */
export function copyHref({ kind, namespace, name }: RuleRef): string {
  return `/rules/new?${new URLSearchParams({ copy: `${kind}/${namespace}/${name}` })}`;
}

/** A new rule for a service, named `namespace/name`, from the templates. */
export function newRuleHref(service: string): string {
  return `/rules/new?service=${encodeURIComponent(service)}`;
}
