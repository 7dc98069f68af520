import type { ObservedCall, SuggestRequest, SuggestResponse } from "@heddle/contracts";
import {
  type AuthorizationRule,
  formatId,
  leastPrivilegeRules,
  type WorkloadId,
} from "@heddle/mesh";
import { editYaml } from "@heddle/resources";
import type { StoredInstance } from "@heddle/store";
import { NotFoundError } from "../revisions/change-errors.ts";
import { describeChange } from "../revisions/diff-documents.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { type DocumentOf, isOf } from "../snapshot/mesh-document.ts";

type Denied = Extract<SuggestRequest, { from: "denial" }>["denial"];
type FromTraffic = Extract<SuggestRequest, { from: "traffic" }>;
type Suggested = SuggestResponse["documents"][number];

export type SuggestParts = {
  readonly snapshot: ConfigSnapshot;
  readonly instances: Iterable<StoredInstance>;
  readonly trustDomain: string;
};

const BY_ADDRESS =
  "a caller without a sidecar has no identity: the rule goes by its address, which others may share or take; give it a sidecar to name it";

/** The smallest change of rules that lets the denied request pass. Applies nothing. */
export function suggestForDenial(denied: Denied, parts: SuggestParts): SuggestResponse {
  const caller = describeCaller(denied.source);
  const asked = `${denied.method} ${denied.path}`;
  const warnings = denied.source.workload === undefined ? [BY_ADDRESS] : [];
  const source = sourceOf(denied.source, parts.trustDomain);
  if (denied.policy !== undefined) {
    const document = excepted(findPolicy(denied.policy, parts.snapshot), denied.rule ?? 0, source);
    return {
      documents: [document],
      explanation: [
        `${denied.policy} denies it by rule ${denied.rule ?? 0}, and no ALLOW rule can overrule that.`,
        `The rule leaves ${caller} out from now on, for whatever it asks, not only ${asked}.`,
      ],
      warnings,
    };
  }
  const rule = {
    from: [{ source }],
    to: [{ operation: { methods: [denied.method], paths: [denied.path] } }],
  };
  const name = nameFrom(`allow-${shortName(denied.source)}-to-${denied.destination.workload}`);
  const own = ownPolicy(denied, name, parts.snapshot);
  const document =
    own === undefined ? newPolicy(name, denied.destination, [rule], parts) : extended(own, rule);
  return {
    documents: [document],
    explanation: [
      `${own === undefined ? `A new policy ${document.namespace}/${document.name}` : `One more rule of ${formatId(own.resource)}`} lets ${caller} ask ${formatId(nameOf(denied.destination))} for ${asked}.`,
      "All that is denied otherwise stays denied.",
    ],
    warnings,
  };
}

/** One ALLOW policy for each workload that was called, letting in who was seen. Applies nothing. */
export function suggestFromTraffic(request: FromTraffic, parts: SuggestParts): SuggestResponse {
  const { includesOperations, isShadow } = request;
  const byTarget = Map.groupBy(request.calls, ({ destination }) => formatId(nameOf(destination)));
  const documents = [...byTarget.values()].flatMap((calls) => {
    const target = calls[0]?.destination;
    if (target === undefined) return [];
    const rules = leastPrivilegeRules(toCallers(calls, parts.trustDomain), includesOperations);
    return [
      newPolicy(
        nameFrom(`allow-seen-${target.workload}`),
        target,
        rules.map(toYamlRule),
        parts,
        isShadow,
      ),
    ];
  });
  const unseen = request.calls.filter(({ sampledRequests }) => sampledRequests === 0);
  const hasAddresses = request.calls.some(({ source }) => source.workload === undefined);
  return {
    documents,
    explanation: [
      `${count(documents.length, "policy", "policies")} for ${count(request.calls.length, "pair", "pairs")} of caller and workload.`,
      isShadow
        ? "In shadow: what they would deny is counted, nothing is refused until you enforce them."
        : "Enforced at once: who was not seen is refused.",
    ],
    warnings: [
      "a caller that was silent in this window is not in the policies; choose a window that holds your rarest job",
      "each version of a caller has its own identity: a new version is denied until its rule is there",
      ...(includesOperations && unseen.length > 0
        ? [
            `of ${count(unseen.length, "pair", "pairs")} no request was sampled, so they may ask anything`,
          ]
        : []),
      ...(hasAddresses ? [BY_ADDRESS] : []),
    ],
  };
}

function toCallers(calls: readonly ObservedCall[], trustDomain: string) {
  return calls.map(({ source, operations }) => ({
    principal: principalOf(source, trustDomain),
    address: source.address,
    operations,
  }));
}

function toYamlRule({ from, to }: AuthorizationRule): object {
  return {
    from: from.map((source) => ({ source })),
    ...(to.length > 0 && { to: to.map((operation) => ({ operation })) }),
  };
}

type Source = { readonly principals: string[] } | { readonly ipBlocks: string[] };

function sourceOf(source: Denied["source"], trustDomain: string): Source {
  const principal = principalOf(source, trustDomain);
  if (principal !== undefined) return { principals: [principal] };
  if (source.address === undefined) {
    throw new NotFoundError("the caller has neither an identity nor a known address");
  }
  return { ipBlocks: [source.address] };
}

function principalOf({ namespace, workload }: Denied["source"], trustDomain: string) {
  if (namespace === undefined || workload === undefined) return undefined;
  return `${trustDomain}/ns/${namespace}/sa/${workload}`;
}

/** The policy with one caller left out of one of its rules. */
function excepted(
  policy: DocumentOf<"AuthorizationPolicy">,
  index: number,
  source: Source,
): Suggested {
  const rule = policy.resource.rules[index];
  if (rule === undefined) {
    throw new NotFoundError(`${formatId(policy.resource)} has no rule ${index} any more`);
  }
  const [field, values] =
    "principals" in source
      ? (["notPrincipals", source.principals] as const)
      : (["notIpBlocks", source.ipBlocks] as const);
  const entries = rule.from.length === 0 ? [{}] : rule.from;
  const edits = entries.map((entry, at) => ({
    path: ["spec", "rules", index, "from", at, "source", field],
    value: [...((entry as { [Key in typeof field]?: readonly string[] })[field] ?? []), ...values],
  }));
  return toSuggested(policy, editYaml(policy.yaml, edits));
}

function extended(policy: DocumentOf<"AuthorizationPolicy">, rule: object): Suggested {
  const path = ["spec", "rules", policy.resource.rules.length];
  return toSuggested(policy, editYaml(policy.yaml, [{ path, value: rule }]));
}

/** A policy of that name takes the place of the one before, as the next look at the traffic does. */
function newPolicy(
  name: string,
  target: ObservedCall["destination"],
  rules: readonly object[],
  { snapshot, instances }: SuggestParts,
  isShadow = false,
): Suggested {
  const yaml = JSON.stringify({
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: {
      name,
      namespace: target.namespace,
      ...(isShadow && { annotations: { "istio.io/dry-run": "true" } }),
    },
    spec: {
      selector: { matchLabels: selectorOf(nameOf(target), instances) },
      action: "ALLOW",
      rules,
    },
  });
  return toSuggested(knownPolicy(`${target.namespace}/${name}`, snapshot), yaml);
}

function nameFrom(text: string): string {
  return text.slice(0, 63).replace(/[^a-z0-9]+$/, "");
}

function selectorOf(
  { namespace, name }: WorkloadId,
  instances: Iterable<StoredInstance>,
): Record<string, string> {
  for (const instance of instances) {
    if (instance.namespace !== namespace || instance.workload !== name) continue;
    const { app, version } = instance.labels as Record<string, string | undefined>;
    return { ...(app !== undefined && { app }), ...(version !== undefined && { version }) };
  }
  throw new NotFoundError(`there is no workload ${namespace}/${name}`);
}

function toSuggested(
  policy: DocumentOf<"AuthorizationPolicy"> | undefined,
  text: string,
): Suggested {
  const { resource, yaml } = parseOne(text);
  const { kind, namespace, name } = resource;
  const { diff } = describeChange({ kind, namespace, name, before: policy?.yaml, after: yaml });
  return {
    kind: "AuthorizationPolicy",
    namespace,
    name,
    yaml,
    ...(policy && { before: policy.yaml }),
    revision: policy?.revision ?? 0,
    diff,
  };
}

function findPolicy(id: string, snapshot: ConfigSnapshot): DocumentOf<"AuthorizationPolicy"> {
  const policy = knownPolicy(id, snapshot);
  if (policy === undefined)
    throw new NotFoundError(`there is no AuthorizationPolicy ${id} any more`);
  return policy;
}

function knownPolicy(id: string, { documents }: ConfigSnapshot) {
  const document = documents.get(`AuthorizationPolicy ${id}`);
  return document !== undefined && isOf(document, "AuthorizationPolicy") ? document : undefined;
}

/** Where one more rule belongs: the policy that came nearest if it is of chosen workloads, or ours of before. */
function ownPolicy(
  { nearest, destination }: Denied,
  name: string,
  snapshot: ConfigSnapshot,
): DocumentOf<"AuthorizationPolicy"> | undefined {
  const candidates = [nearest?.policy, `${destination.namespace}/${name}`];
  return candidates
    .flatMap((id) => (id === undefined ? [] : (knownPolicy(id, snapshot) ?? [])))
    .find(({ resource }) => resource.action === "ALLOW" && resource.selector !== undefined);
}

function nameOf({ namespace, workload }: ObservedCall["destination"]): WorkloadId {
  return { namespace, name: workload };
}

function shortName({ workload, address }: Denied["source"]): string {
  return (workload ?? `address-${address ?? "unknown"}`)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-");
}

function describeCaller({ namespace, workload, address }: Denied["source"]): string {
  return workload === undefined ? `the caller at ${address}` : `${namespace}/${workload}`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
