/** Where a rule is looked at and edited. */
export function ruleHref({
  kind,
  namespace,
  name,
}: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}): string {
  return `/rules/${[kind, namespace, name].map(encodeURIComponent).join("/")}`;
}

/** A new rule for a service, named `namespace/name`, from the templates. */
export function newRuleHref(service: string): string {
  return `/rules/new?service=${encodeURIComponent(service)}`;
}
