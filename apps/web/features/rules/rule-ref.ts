/** A document's name in the mesh. */
export interface RuleRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export function isSameRule(a: RuleRef, b: RuleRef): boolean {
  return a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;
}
