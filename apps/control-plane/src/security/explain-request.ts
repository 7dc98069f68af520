import type { WhyRequest, WhyResponse } from "@heddle/contracts";
import {
  compileAuthorization,
  explainAuthorization,
  formatId,
  formatSpiffeId,
  normalizePath,
  type RequestAuthorizationFacts,
  type RuleSet,
} from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";
import { NotFoundError } from "../revisions/change-errors.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";

const LOOPBACK = "127.0.0.1";

/**
 * What the rules in force say of a request that need not have been sent, by the code the proxies run.
 * Tokens and external authorizers are not asked: conditions on them count as not met. Throws
 * `NotFoundError` for a workload nobody has registered.
 */
export function explainRequest(
  request: WhyRequest,
  mesh: MeshView,
  instances: Iterable<StoredInstance>,
): WhyResponse {
  const target = findWorkload(request.destination, instances);
  const { snapshot, trustDomain } = mesh;
  const { mode, policy } = snapshot.workloads.effectiveMtls(target);
  const resource = mesh.workload(target);
  const port = request.port ?? target.appPort ?? 0;
  const portMode = resource.portMtlsModes?.[port] ?? mode;
  const { namespace, workload } = request.source;
  const hasIdentity = namespace !== undefined && workload !== undefined;
  const isRefused = portMode === "STRICT" && !hasIdentity;
  const facts = factsOf(request, port, {
    identity: hasIdentity
      ? formatSpiffeId({ trustDomain, workload: { namespace, name: workload } })
      : undefined,
    path: normalizePath(plainPath(request.path), resource.pathNormalization ?? "MERGE_SLASHES"),
  });
  const policies = resource.authorization ?? [];
  const { http, httpShadow } = compileAuthorization(policies);
  const enforced = http && explainAuthorization(http, facts);
  const isAllowed = !isRefused && (enforced?.decision.isAllowed ?? true);
  const asked = describeCaller(request.source);
  const called = formatId({ namespace: target.namespace, name: target.workload });
  const summary = isRefused
    ? `${asked} is refused: ${called} is STRICT, and plaintext has no certificate.`
    : `${asked} ${isAllowed ? "may" : "may not"} call ${called}: ${
        enforced?.summary ?? "no AuthorizationPolicy selects it"
      }.`;
  return {
    isAllowed,
    summary,
    mtls: { mode: portMode, ...(policy && { policy: formatId(policy) }), isRefused },
    rules: [...rulesOf(http, facts, false), ...rulesOf(httpShadow, facts, true)],
  };
}

function rulesOf(
  rules: RuleSet | undefined,
  facts: RequestAuthorizationFacts,
  isShadow: boolean,
): WhyResponse["rules"] {
  if (rules === undefined) return [];
  return explainAuthorization(rules, facts).rules.map(({ rule, action, isMatch, failed }) => ({
    policy: `${rule.namespace}/${rule.policy}`,
    rule: rule.rule,
    action,
    isShadow,
    isMatch,
    failed: failed.map(({ field, wanted, seen }) => ({ field, wanted: [...wanted], seen })),
  }));
}

function findWorkload(
  { namespace, workload }: WhyRequest["destination"],
  instances: Iterable<StoredInstance>,
): StoredInstance {
  for (const instance of instances) {
    if (instance.namespace === namespace && instance.workload === workload) return instance;
  }
  throw new NotFoundError(`there is no workload ${namespace}/${workload}`);
}

function factsOf(
  { source, method, host, headers = {} }: WhyRequest,
  port: number,
  { identity, path }: { identity: string | undefined; path: string | undefined },
): RequestAuthorizationFacts {
  const fields = new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const address = source.address ?? LOOPBACK;
  return {
    peerIdentity: identity,
    sourceAddress: address,
    remoteAddress: address,
    destinationAddress: LOOPBACK,
    destinationPort: port,
    sni: undefined,
    method,
    path: path ?? "",
    authority: host ?? "",
    header: (name) => fields.get(name),
  };
}

function plainPath(path: string): string {
  const mark = path.indexOf("?");
  return mark < 0 ? path : path.slice(0, mark);
}

function describeCaller({ namespace, workload, address }: WhyRequest["source"]): string {
  if (namespace !== undefined && workload !== undefined) return `${namespace}/${workload}`;
  return address === undefined ? "A caller without identity" : `Plaintext from ${address}`;
}
