import type { PolicyState, TokenRuleState } from "@heddle/contracts";
import { formatId, selects } from "@heddle/mesh";
import type {
  AuthorizationPolicyDocument,
  JwtRule,
  Labels,
  PeerAuthenticationDocument,
  RequestAuthenticationDocument,
} from "@heddle/resources";
import { carries } from "../snapshot/caller-class.ts";
import type { ConfigSnapshot, MeshDocument } from "../snapshot/config-snapshot.ts";
import { isOf } from "../snapshot/mesh-document.ts";

type Instance = {
  readonly namespace: string;
  readonly workload: string;
  readonly labels: Labels;
};
type Target = Pick<PolicyState, "scope" | "workloads"> & { readonly selector?: Labels };

/** Every document that says who may call whom, with the registered workloads it holds for. By kind, then name. */
export function describePolicies(
  snapshot: ConfigSnapshot,
  instances: Iterable<Instance>,
): PolicyState[] {
  const known = [...instances];
  const policies = [...snapshot.documents.values()].flatMap(
    (document) => describe(document, snapshot.rootNamespace, known) ?? [],
  );
  return policies.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({ kind, namespace, name }: PolicyState): string {
  return `${kind} ${namespace}/${name}`;
}

function describe(
  document: MeshDocument,
  rootNamespace: string,
  instances: readonly Instance[],
): PolicyState | undefined {
  const { revision, updatedAtMs } = document;
  if (isOf(document, "AuthorizationPolicy")) {
    const { kind, namespace, name, action, provider, isShadow, rules } = document.resource;
    const authorization = { namespace, name, action, provider, isShadow, rules };
    const target = targetOf(document.resource, rootNamespace, instances);
    return { kind, namespace, name, revision, updatedAtMs, ...target, authorization };
  }
  if (isOf(document, "RequestAuthentication")) {
    const { kind, namespace, name, rules } = document.resource;
    const target = targetOf(document.resource, rootNamespace, instances);
    const tokens = rules.map(describeTokenRule);
    return { kind, namespace, name, revision, updatedAtMs, ...target, tokens };
  }
  if (isOf(document, "PeerAuthentication")) {
    const { kind, namespace, name, mode, portModes, isStrictDryRun } = document.resource;
    const target = targetOf(document.resource, rootNamespace, instances);
    const mtls = {
      ...(mode && { mode }),
      ...(portModes && { portModes: { ...portModes } }),
      ...(isStrictDryRun && { isStrictDryRun }),
    };
    return { kind, namespace, name, revision, updatedAtMs, ...target, mtls };
  }
  return undefined;
}

function targetOf(
  resource:
    | (AuthorizationPolicyDocument | RequestAuthenticationDocument)
    | PeerAuthenticationDocument,
  rootNamespace: string,
  instances: readonly Instance[],
): Target {
  const { namespace, selector } = resource;
  if ("targetRefs" in resource && resource.targetRefs.length > 0)
    return { scope: "none", workloads: [] };
  const taken = instances.filter((one) =>
    resource.kind === "PeerAuthentication"
      ? selects(resource, one, rootNamespace)
      : [rootNamespace, one.namespace].includes(namespace) &&
        (selector === undefined || carries(one.labels, selector)),
  );
  const whole = namespace === rootNamespace ? "mesh" : "namespace";
  return {
    scope: selector ? "selector" : whole,
    ...(selector && { selector: { ...selector } }),
    workloads: [
      ...new Set(taken.map((one) => formatId({ namespace: one.namespace, name: one.workload }))),
    ].sort(),
  };
}

function describeTokenRule(rule: JwtRule): TokenRuleState {
  return {
    issuer: rule.issuer,
    audiences: [...rule.audiences],
    keysFrom: rule.jwks ? "document" : rule.jwksUri ? "url" : "discovery",
    ...(rule.jwksUri && { jwksUri: rule.jwksUri }),
    isRequired: rule.isRequired,
    places: [
      ...rule.fromHeaders.map(({ name, prefix }) => `header ${name}${prefix && ` (${prefix}…)`}`),
      ...rule.fromParams.map((name) => `query ${name}`),
      ...rule.fromCookies.map((name) => `cookie ${name}`),
    ],
  };
}
