import { compileAuthorization } from "@heddle/mesh";
import { z } from "zod";
import type { AuthorizationPolicyDocument } from "../documents/policy-documents.ts";
import { fields, type Warnings, warnIf } from "../schema/field-status.ts";
import { authorizationCondition } from "./authorization-condition.ts";
import {
  findBareHosts,
  findIdentityField,
  hasHttpFieldsOnly,
  operation,
  source,
} from "./authorization-match.ts";
import { findCompileFault } from "./compile-fault.ts";
import { documentOf } from "./document-schema.ts";
import { someText } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";
import { checkTarget, readTarget, targetFields } from "./policy-target.ts";

const rule = fields({
  from: z
    .array(fields({ source }))
    .min(1, "`from` must not be empty; leave it out for any source")
    .max(512)
    .optional(),
  to: z
    .array(fields({ operation }))
    .min(1, "`to` must not be empty; leave it out for any operation")
    .max(512)
    .optional(),
  when: z.array(authorizationCondition).optional(),
});

const ALL_TCP =
  "will deny all traffic to TCP ports under its scope due to the use of only HTTP attributes in a DENY rule; name the port (to.operation.ports)";

const action = z.enum(["ALLOW", "DENY", "AUDIT", "CUSTOM"]);

const spec = warnIf(
  fields({
    ...targetFields,
    action: action.optional(),
    rules: z.array(rule).max(512).optional(),
    provider: fields({ name: someText }).optional(),
  })
    .superRefine(checkTarget)
    .superRefine(({ action, rules = [], provider }, context) => {
      const issue = (path: (string | number)[], message: string) =>
        context.addIssue({ code: "custom", path, message });
      if (action === "CUSTOM") {
        if (provider === undefined) {
          issue(
            ["provider"],
            "`provider.name` must not be empty: CUSTOM asks an extension provider",
          );
        }
        for (const [index, one] of rules.entries()) {
          const field = findIdentityField(one);
          if (field !== undefined)
            issue(["rules", index], `${field} is not supported in a CUSTOM rule`);
        }
      } else if (provider !== undefined) {
        issue(
          ["provider"],
          `\`provider\` must not be with non CUSTOM action, found ${action ?? "ALLOW"}`,
        );
      }
      if ((action === "DENY" || action === "CUSTOM") && rules.length === 0) {
        issue(
          ["rules"],
          `${action} action without \`rules\` is meaningless as it will never be triggered, add an empty rule \`{}\` if you want it be triggered for every request`,
        );
      }
    }),
  ({ action = "ALLOW", rules = [] }): Warnings => {
    if (action === "ALLOW" && rules.length === 0) {
      return "an ALLOW policy without rules allows nothing: every request to its workloads is denied";
    }
    if (action !== "DENY") return undefined;
    return rules.flatMap((rule, index) => [
      ...(hasHttpFieldsOnly(rule) ? [{ at: ["rules", index], message: ALL_TCP }] : []),
      ...findBareHosts(rule).map(({ at, message }) => ({ at: ["rules", index, ...at], message })),
    ]);
  },
);

export const AuthorizationPolicySchema = documentOf(spec.default({})).transform(
  ({ metadata: { namespace, name, annotations }, spec }, context): AuthorizationPolicyDocument => {
    const { action = "ALLOW", rules = [] } = spec;
    const document: AuthorizationPolicyDocument = {
      kind: "AuthorizationPolicy",
      namespace,
      name,
      ...readTarget(spec),
      action,
      ...(spec.provider && { provider: spec.provider.name }),
      isShadow: annotations?.["istio.io/dry-run"] === "true",
      rules: rules.map(({ from = [], to = [], when = [] }) => ({
        from: from.map(({ source }) =>
          withoutUndefined({
            ...source,
            serviceAccounts: qualify(source.serviceAccounts, namespace),
            notServiceAccounts: qualify(source.notServiceAccounts, namespace),
          }),
        ),
        to: to.map(({ operation }) => withoutUndefined(operation)),
        when: when.map(withoutUndefined),
      })),
    };
    // What proxies would refuse is refused here, by the very code that they run.
    const message = findCompileFault(() => compileAuthorization([document]));
    if (message) context.addIssue({ code: "custom", path: ["spec", "rules"], message });
    return document;
  },
);

/** `sa` is that account in the policy's own namespace. */
function qualify(accounts: readonly string[] | undefined, namespace: string) {
  return accounts?.map((account) => (account.includes("/") ? account : `${namespace}/${account}`));
}
