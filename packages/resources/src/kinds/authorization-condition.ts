import { z } from "zod";
import { fields, warnIf } from "../schema/field-status.ts";
import { isIpOrCidr } from "./fields.ts";

const KEYS = [
  ...["request.headers[name]", "source.ip", "remote.ip", "source.namespace", "source.principal"],
  ...["source.serviceAccount", "source.trustDomain", "request.auth.principal"],
  ...["request.auth.audiences", "request.auth.presenter", "request.auth.claims[name]"],
  ...["destination.ip", "destination.port", "connection.sni"],
];
const IP_KEYS = new Set(["source.ip", "remote.ip", "destination.ip"]);
const NAMED =
  /^(request\.headers\[[!#$%&'*+.^_`|~0-9A-Za-z-]+\]|request\.auth\.claims(\[[^\][]+\])+)$/;
const EXPERIMENTAL = "experimental.envoy.filters.";

/** AuthorizationPolicy's Condition. */
export const authorizationCondition = warnIf(
  fields({
    key: z
      .string()
      .min(1, "`key` must not be empty")
      .refine(
        (key) => KEYS.includes(key) || NAMED.test(key) || key.startsWith(EXPERIMENTAL),
        `unknown attribute; expected one of ${KEYS.join(", ")}`,
      ),
    values: z.array(z.string()).optional(),
    notValues: z.array(z.string()).optional(),
  }).superRefine(({ key, values = [], notValues = [] }, context) => {
    if (values.length === 0 && notValues.length === 0) {
      context.addIssue(`at least one of \`values\` or \`notValues\` must be set for key ${key}`);
    }
    for (const [field, list] of [
      ["values", values],
      ["notValues", notValues],
    ] as const) {
      list.forEach((value, index) => {
        const message = findValueFault(key, value);
        if (message) context.addIssue({ code: "custom", path: [field, index], message });
      });
    }
  }),
  ({ key }) => {
    if (key.startsWith(EXPERIMENTAL)) {
      return "there are no Envoy filters here: no request has this, so values never match (notValues always do)";
    }
    return undefined;
  },
);

function findValueFault(key: string, value: string): string | undefined {
  if (IP_KEYS.has(key)) {
    return isIpOrCidr(value) ? undefined : 'expected an IP address or CIDR such as "10.0.0.0/8"';
  }
  if (key !== "destination.port") return undefined;
  return /^\d{1,5}$/.test(value) && Number(value) <= 65_535
    ? undefined
    : 'expected a port in quotes, such as "8080"';
}
