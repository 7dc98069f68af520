import { z } from "zod";
import { fields } from "../schema/field-status.ts";
import { isIpOrCidr } from "./fields.ts";

const texts = z.array(z.string().min(1)).optional();
const blocks = z
  .array(
    z
      .string()
      .refine(isIpOrCidr, 'expected an IP address or CIDR such as "10.0.0.1" or "10.0.0.0/8"'),
  )
  .optional();
const ports = z.array(
  z
    .string()
    .refine(
      (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535,
      'expected a port in quotes, such as "8080"',
    ),
);
const paths = z.array(
  z
    .string()
    .min(1)
    .superRefine((path, context) => {
      const fault = findTemplateFault(path);
      if (fault) context.addIssue(fault);
    }),
);
const accounts = z
  .array(
    z
      .string()
      .min(1)
      .max(320)
      .regex(/^([^/*]+\/)?[^/*]+$/, "expected a name or namespace/name, without wildcard"),
  )
  .max(16)
  .optional();

/** AuthorizationPolicy's Source. */
export const source = fields({
  principals: texts,
  notPrincipals: texts,
  requestPrincipals: texts,
  notRequestPrincipals: texts,
  namespaces: texts,
  notNamespaces: texts,
  serviceAccounts: accounts,
  notServiceAccounts: accounts,
  trustDomains: texts,
  notTrustDomains: texts,
  ipBlocks: blocks,
  notIpBlocks: blocks,
  remoteIpBlocks: blocks,
  notRemoteIpBlocks: blocks,
}).superRefine((written, context) => {
  const lists = Object.values(written).filter((list) => list !== undefined);
  if (lists.every((list) => list.length === 0)) {
    context.addIssue("`from.source` must not be empty; leave `from` out for any source");
  }
  const others = [
    written.principals,
    written.notPrincipals,
    written.namespaces,
    written.notNamespaces,
  ];
  const hasAccounts = (written.serviceAccounts ?? written.notServiceAccounts) !== undefined;
  if (hasAccounts && others.some((list) => list !== undefined)) {
    context.addIssue(
      "Cannot set serviceAccounts with namespaces or principals; write them as entries of their own",
    );
  }
});

/** AuthorizationPolicy's Operation. */
export const operation = fields({
  hosts: texts,
  notHosts: texts,
  ports: ports.optional(),
  notPorts: ports.optional(),
  methods: texts,
  notMethods: texts,
  paths: paths.optional(),
  notPaths: paths.optional(),
}).superRefine((written, context) => {
  if (Object.values(written).every((list) => list === undefined || list.length === 0)) {
    context.addIssue("`to.operation` must not be empty; leave `to` out for any operation");
  }
});

/** A template's `{*}` stands for one segment and `{**}`, as its last operator, for any number. */
function findTemplateFault(path: string): string | undefined {
  const hasTemplate = path.includes("{*}") || path.includes("{**}");
  let hasRest = false;
  for (const segment of path.replace(/^\/+|\/+$/g, "").split("/")) {
    if (segment === "{*}" || segment === "{**}") {
      if (hasRest) return "invalid or unsupported path: {**} is not the last operator";
      hasRest = segment === "{**}";
    } else if (/[{}]/.test(segment)) {
      return "invalid or unsupported path: contains '{' or '}' beyond a supported path template ({*}, {**})";
    } else if (segment.includes("*") && hasTemplate) {
      return "invalid or unsupported path: contains '*' beyond a supported path template";
    }
  }
  return undefined;
}

type WrittenRule = {
  readonly from?: readonly { readonly source: z.input<typeof source> }[] | undefined;
  readonly to?: readonly { readonly operation: z.input<typeof operation> }[] | undefined;
  readonly when?: readonly { readonly key: string }[] | undefined;
};

const IDENTITY = /^(not)?(principals|requestPrincipals|namespaces|serviceAccounts|trustDomains)$/i;
const IDENTITY_KEY = /^(source\.(namespace|principal|serviceAccount|trustDomain)$|request\.auth\.)/;

/** An external authorizer is asked before anybody's identity counts (Istio): CUSTOM rules cannot look at it. */
export function findIdentityField({ from = [], when = [] }: WrittenRule): string | undefined {
  for (const { source } of from) {
    const field = Object.keys(source).find((name) => IDENTITY.test(name));
    if (field !== undefined) return `from.source.${field}`;
  }
  return when.find(({ key }) => IDENTITY_KEY.test(key))?.key;
}

/** A host that is denied by its bare name is still reached as `host:80` and as `host.` (Istio's own trap). */
export function findBareHosts({ to = [] }: WrittenRule) {
  return to.flatMap(({ operation: { hosts = [] } }, index) =>
    hosts.flatMap((host, at) => {
      if (host.includes("*") || host.includes(":") || hosts.includes(`${host}:*`)) return [];
      const safe = [host, `${host}:*`, `${host}.`, `${host}.:*`].map((one) => JSON.stringify(one));
      const message = `denies ${host} alone: requests to ${host}:80 and ${host}. pass; deny all of them by [${safe.join(", ")}]`;
      return [{ at: ["to", index, "operation", "hosts", at], message }];
    }),
  );
}

/** On a TCP port the HTTP fields of a DENY rule are left out (Istio): a rule of them alone denies all. */
export function hasHttpFieldsOnly({ from, to }: WrittenRule): boolean {
  const isTcpSource = (from ?? []).some(({ source }) =>
    Object.entries(source).some(
      ([field, list]) => !/requestPrincipals$/i.test(field) && list !== undefined,
    ),
  );
  const isTcpOperation = (to ?? []).some(
    ({ operation: { ports, notPorts } }) => ports !== undefined || notPorts !== undefined,
  );
  if (to !== undefined) return !isTcpOperation;
  return from !== undefined && !isTcpSource;
}
