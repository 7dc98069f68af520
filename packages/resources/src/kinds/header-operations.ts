import {
  compileFormat,
  type HeaderChanges,
  type HeaderOperations,
  InvalidFormatError,
} from "@heddle/mesh";
import { z } from "zod";
import { differing, fields, warnIf } from "../schema/field-status.ts";

const NAME = /^[-_A-Za-z0-9]+$/;
const NAME_RULE = "is not a valid header name; expected letters, digits, - and _";
/** Fields by which two peers agree on a message's end: changed by a rule, they would not. */
const FRAMING = new Set([
  ...["connection", "content-length", "keep-alive", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
]);

function isAuthority(name: string): boolean {
  return /^(host|:authority)$/i.test(name);
}

const value = z
  .string()
  .max(16_384, "expected at most 16384 characters")
  .refine((text) => !/[\p{Cc}]/u.test(text.replaceAll("\t", "")), "expected no control characters")
  .superRefine((text, context) => {
    try {
      compileFormat(text);
    } catch (error) {
      if (!(error instanceof InvalidFormatError)) throw error;
      context.addIssue(`invalid header configuration: ${error.message}; "%%" is a percent sign`);
    }
  });

function headerValues(allowsAuthority: boolean) {
  return z.record(z.string(), value).superRefine((headers, context) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    Object.keys(headers).forEach((name, index) => {
      const fault = findNameFault(name, allowsAuthority);
      const isTwin = names.indexOf(name.toLowerCase()) !== index;
      const message = fault ?? (isTwin ? "names the same header as an earlier one" : undefined);
      if (message) context.addIssue({ code: "custom", path: [name], message });
    });
  });
}

function findNameFault(name: string, allowsAuthority: boolean): string | undefined {
  if (name === "") return "header name cannot be empty";
  if (isAuthority(name) && allowsAuthority) return undefined;
  if (name.startsWith(":") || isAuthority(name)) {
    return `invalid header ${JSON.stringify(name)}: header cannot have internal headers`;
  }
  if (FRAMING.has(name.toLowerCase())) {
    return "framing and hop-by-hop headers belong to the proxy and cannot be changed by a rule";
  }
  return NAME.test(name) ? undefined : NAME_RULE;
}

const removedName = z.string().superRefine((name, context) => {
  const fault = findNameFault(name, false);
  if (fault) context.addIssue(fault);
});

function changes(allowsAuthority: boolean) {
  return fields({
    set: headerValues(allowsAuthority).optional(),
    add: headerValues(allowsAuthority).optional(),
    remove: z.array(removedName).optional(),
  });
}

/** Headers of a route or of a destination. */
export const headerOperations = warnIf(
  differing(
    "framing and hop-by-hop headers, and format operators that Heddle does not know, are refused",
    fields({ request: changes(true).optional(), response: changes(false).optional() }),
  ),
  ({ request, response }) => {
    const clashes = (
      [
        ["request", request],
        ["response", response],
      ] as const
    ).flatMap(([side, written]) => {
      const set = Object.keys(written?.set ?? {}).map((name) => name.toLowerCase());
      return Object.keys(written?.add ?? {})
        .filter((name) => set.includes(name.toLowerCase()))
        .map((name) => ({
          at: [side, "add", name],
          message: "is set as well: the value is set first, then this one added",
        }));
    });
    return clashes.length > 0 ? clashes : undefined;
  },
);

type Written = z.output<typeof headerOperations>;

/** Header operations, and the authority that `host` or `:authority` among the request's would set. */
export function readHeaderOperations(written: Written | undefined): {
  readonly headers: HeaderOperations | undefined;
  readonly authority: string | undefined;
} {
  if (written === undefined) return { headers: undefined, authority: undefined };
  const authority = findAuthority(written);
  const request = toChanges(written.request);
  const response = toChanges(written.response);
  if (request === undefined && response === undefined) return { headers: undefined, authority };
  const headers = { ...(request && { request }), ...(response && { response }) };
  return { headers, authority };
}

/** All the places that set the authority, in the order they are written. */
export function authoritiesOf(written: Written | undefined): string[] {
  const { set, add } = written?.request ?? {};
  return [set, add].flatMap((headers) =>
    Object.entries(headers ?? {}).flatMap(([name, value]) => (isAuthority(name) ? [value] : [])),
  );
}

function findAuthority(written: Written): string | undefined {
  return authoritiesOf(written)[0];
}

function toChanges(written: Written["request"]): HeaderChanges | undefined {
  if (written === undefined) return undefined;
  const set = byLowerName(written.set);
  const add = byLowerName(written.add);
  const remove = (written.remove ?? []).map((name) => name.toLowerCase());
  if (!set && !add && remove.length === 0) return undefined;
  return { ...(set && { set }), ...(add && { add }), ...(remove.length > 0 && { remove }) };
}

function byLowerName(headers: Readonly<Record<string, string>> | undefined) {
  const kept = Object.entries(headers ?? {}).filter(([name]) => !isAuthority(name));
  if (kept.length === 0) return undefined;
  return Object.fromEntries(kept.map(([name, value]) => [name.toLowerCase(), value]));
}
