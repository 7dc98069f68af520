import type { Labels, Resource } from "@heddle/resources";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";

type Policy = Extract<Resource, { kind: "AuthorizationPolicy" }>;
type Authentication = Extract<Resource, { kind: "RequestAuthentication" }>;

/** A policy that asks somebody nobody knows, or for tokens that nobody verifies. */
export function warnOfAuthorization(policy: Policy, snapshot: ConfigSnapshot): string[] {
  return [...warnOfProvider(policy, snapshot), ...warnOfTokens(policy, snapshot)];
}

function warnOfProvider({ action, provider }: Policy, { meshConfig }: ConfigSnapshot): string[] {
  if (action !== "CUSTOM") return [];
  const providers = meshConfig?.resource.extensionProviders ?? [];
  if (providers.some(({ name, authorizer }) => name === provider && authorizer !== undefined)) {
    return [];
  }
  return [
    `spec.provider.name: MeshConfig has no extension provider ${JSON.stringify(provider)} of kind envoyExtAuthzHttp: all requests to its workloads are denied until it has`,
  ];
}

/** Values of a token never match where no token is verified, and their negated forms always do. */
function warnOfTokens(policy: Policy, { documents, rootNamespace }: ConfigSnapshot): string[] {
  if (!asksForTokens(policy)) return [];
  const isVerified = [...documents.values()].some(
    ({ resource }) =>
      resource.kind === "RequestAuthentication" &&
      resource.rules.length > 0 &&
      mayMeet(resource, policy, rootNamespace),
  );
  if (isVerified) return [];
  return [
    `it asks for what tokens say, and no RequestAuthentication verifies any for its workloads in ${policy.namespace}: there it never matches (its not-forms always do)`,
  ];
}

function asksForTokens({ rules }: Policy): boolean {
  return rules.some(
    ({ from, when }) =>
      when.some(({ key }) => key.startsWith("request.auth.")) ||
      from.some(({ requestPrincipals, notRequestPrincipals }) =>
        Boolean(requestPrincipals ?? notRequestPrincipals),
      ),
  );
}

/** Whether some workload could be selected by both. */
function mayMeet(authentication: Authentication, policy: Policy, rootNamespace: string): boolean {
  const { namespace } = authentication;
  const isNear = [namespace, policy.namespace].includes(rootNamespace);
  if (namespace !== policy.namespace && !isNear) return false;
  return agree(authentication.selector ?? {}, policy.selector ?? {});
}

/** Whether no label must have two values at once. */
function agree(one: Labels, other: Labels): boolean {
  return Object.entries(one).every(([name, value]) => (other[name] ?? value) === value);
}
