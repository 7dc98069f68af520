import type { ServiceId } from "@heddle/mesh";

/** What every kept document has. */
export type Named<Kind extends string> = {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
};

export type Labels = Readonly<Record<string, string>>;

/** `exportTo`: everybody (`"*"`), or these namespaces alone (`.` is resolved already; none: nobody). */
export type Visibility = "*" | readonly string[];

/**
 * A host as a document names it. `host` is lower-case, without final dot, and qualified where its form
 * says of which service: `reviews` in `shop` is `reviews.shop.svc.cluster.local`. `reviews.shop` stays:
 * it may be a service of the mesh or a ServiceEntry's host. `service` is what the form means; it has
 * namespace `""` and the host for a name where no service of the mesh can be meant
 * (`api.example.com`, `*.shop.svc.cluster.local`, `*`).
 */
export type HostRef = { readonly host: string; readonly service: ServiceId };

/** targetRef of a policy; `namespace` is the policy's own. */
export type TargetRef = { readonly group: string; readonly kind: string; readonly name: string };

/** For whom a policy holds: workloads with all of `labels` (`undefined`: all of its namespace), or what is referred to. */
export type PolicyTarget = {
  readonly selector: Labels | undefined;
  readonly targetRefs: readonly TargetRef[];
};
