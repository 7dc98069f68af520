import type { PolicyState } from "@heddle/contracts";

type Authorization = NonNullable<PolicyState["authorization"]>;
type Rule = Authorization["rules"][number];
type Source = Rule["from"][number];
type Operation = Rule["to"][number];
type Condition = Rule["when"][number];

const VERBS = {
  ALLOW: "may",
  DENY: "may not",
  AUDIT: "is noted when it wants to",
  CUSTOM: "must be let in by another service to",
} as const satisfies Record<Authorization["action"], string>;

/** "checkout of shop may POST /v2/charges, when request.headers[x-team] is billing". */
export function ruleInWords(rule: Rule, { action, provider }: Authorization): string {
  const verb = action === "CUSTOM" && provider ? `must be let in by ${provider} to` : VERBS[action];
  const who = rule.from.length === 0 ? "anybody" : joinOr(rule.from.map(sourceInWords));
  const what = rule.to.length === 0 ? "do anything" : joinOr(rule.to.map(operationInWords));
  const when = rule.when.map(conditionInWords);
  return [
    `${who} ${verb} ${what}`,
    ...(when.length > 0 ? [`when ${when.join(" and ")}`] : []),
  ].join(", ");
}

/** What a policy without rules does, or how its rules add up. */
export function rulesInWords({ action, rules }: Authorization): string | undefined {
  if (rules.length > 0) return undefined;
  return action === "ALLOW"
    ? "nobody may do anything: it has no rules"
    : "nothing: it has no rules";
}

/** Who: parts of one source hold together, values of one part stand for each other. */
export function sourceInWords(source: Source): string {
  const words = [
    ...told(
      source.principals,
      source.notPrincipals,
      "",
      principalInWords,
      "anybody with an identity",
    ),
    ...told(source.namespaces, source.notNamespaces, "namespace "),
    ...told(source.serviceAccounts, source.notServiceAccounts, "", slashedInWords),
    ...told(source.trustDomains, source.notTrustDomains, "trust domain "),
    ...told(
      source.requestPrincipals,
      source.notRequestPrincipals,
      "token of ",
      same,
      "any valid token",
    ),
    ...told(source.ipBlocks, source.notIpBlocks, "address "),
    ...told(source.remoteIpBlocks, source.notRemoteIpBlocks, "client address "),
  ];
  return words.length === 0 ? "anybody" : words.join(" and ");
}

/** What: `GET or HEAD /api/* at port 8080`. */
export function operationInWords(operation: Operation): string {
  const { methods, notMethods, paths, notPaths, ports, notPorts, hosts, notHosts } = operation;
  const verb = methods?.length
    ? joinOr(methods)
    : notMethods?.length
      ? `use any method but ${joinOr(notMethods)} on`
      : undefined;
  const where = paths?.length ? joinOr(paths) : undefined;
  const words = [
    verb ?? (where === undefined ? "do anything" : "call"),
    where ?? (verb === undefined ? "" : "any path"),
    notPaths?.length ? `but not ${joinOr(notPaths)}` : "",
    ports?.length ? `at port ${joinOr(ports)}` : "",
    notPorts?.length ? `not at port ${joinOr(notPorts)}` : "",
    hosts?.length ? `for host ${joinOr(hosts)}` : "",
    notHosts?.length ? `not for host ${joinOr(notHosts)}` : "",
  ];
  return words.filter((word) => word !== "").join(" ");
}

export function conditionInWords({ key, values = [], notValues = [] }: Condition): string {
  const is = values.length > 0 ? [`is ${joinOr(values)}`] : [];
  const isNot = notValues.length > 0 ? [`is not ${joinOr(notValues)}`] : [];
  return `${key} ${[...is, ...isNot].join(" and ")}`;
}

/** `cluster.local/ns/shop/sa/checkout-v1` → "checkout-v1 of shop"; patterns stay as they are. */
export function principalInWords(principal: string): string {
  const [, namespace, workload] = /\/ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(principal) ?? [];
  return namespace === undefined || workload === undefined
    ? `identity ${principal}`
    : `${workload} of ${namespace}`;
}

function slashedInWords(account: string): string {
  const [namespace, name] = account.split("/");
  return name === undefined ? account : `${name} of ${namespace}`;
}

function told(
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
  noun: string,
  inWords: (value: string) => string = same,
  any = `any ${noun.trim()}`,
): string[] {
  const isAny = values?.length === 1 && values[0] === "*";
  const are = values?.length ? [isAny ? any : noun + joinOr(values.map(inWords))] : [];
  const isNoneAllowed = notValues?.length === 1 && notValues[0] === "*";
  const areNot = notValues?.length
    ? [
        isNoneAllowed
          ? `anybody without ${any.replace(/^any(body with)? /, "")}`
          : `anybody but ${noun}${joinOr(notValues.map(inWords))}`,
      ]
    : [];
  return [...are, ...areNot];
}

function same(value: string): string {
  return value;
}

function joinOr(words: readonly string[]): string {
  if (words.length <= 1) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
