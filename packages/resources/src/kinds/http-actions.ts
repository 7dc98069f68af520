import {
  compileRegexRewrite,
  type DirectResponse,
  InvalidRegexError,
  type Redirect,
  type Rewrite,
} from "@heddle/mesh";
import { z } from "zod";
import { differing, fields, warnIf } from "../schema/field-status.ts";
import { count, portOrNone } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";

const uriRegexRewrite = fields({
  match: z.string().optional(),
  rewrite: z.string().optional(),
}).transform(({ match = "", rewrite = "" }, context) => {
  if (match === "" || rewrite === "") {
    context.addIssue("UriRegexRewrite requires both Rewrite and Match fields to be specified");
    return z.NEVER;
  }
  try {
    compileRegexRewrite(match, rewrite);
  } catch (error) {
    if (!(error instanceof InvalidRegexError)) throw error;
    context.addIssue(error.message);
  }
  return { match, rewrite };
});

/** HTTPRewrite. */
export const rewrite = fields({
  uri: z.string().optional(),
  authority: z.string().optional(),
  uriRegexRewrite: uriRegexRewrite.optional(),
}).transform(({ uri, authority, uriRegexRewrite: uriRegex }, context): Rewrite => {
  if (uri && uriRegex) {
    context.addIssue("rewrite may only contain one of URI or UriRegexRewrite");
  } else if (!uri && !uriRegex && !authority) {
    context.addIssue("rewrite must specify at least one of URI, UriRegexRewrite, or authority");
  }
  return withoutUndefined({
    uri: uri || undefined,
    uriRegex,
    authority: authority || undefined,
  });
});

const REDIRECT_CODES = [301, 302, 303, 307, 308] as const;
type RedirectCode = (typeof REDIRECT_CODES)[number];

/** HTTPRedirect; `status` undefined: a 3xx code that does not redirect. */
export type WrittenRedirect = Omit<Redirect, "status"> & {
  readonly status: RedirectCode | undefined;
};

export const redirect = warnIf(
  fields({
    uri: z.string().optional(),
    authority: z.string().optional(),
    scheme: z
      .enum(["http", "https", ""], { error: 'invalid redirect scheme, must be "http" or "https"' })
      .optional(),
    port: portOrNone.optional(),
    derivePort: z.enum(["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"]).optional(),
    redirectCode: differing(
      "a 3xx code that does not redirect answers 500; in Istio it leaves the route without an action",
      z
        .number()
        .refine(
          (code) => code === 0 || (Number.isInteger(code) && code >= 300 && code <= 399),
          `is not a valid redirect code, must be 3xx; expected one of ${REDIRECT_CODES.join(", ")}`,
        )
        .optional(),
    ),
    prefixRewrite: z.string().optional(),
  }).transform((written, context): WrittenRedirect => {
    const { uri, prefixRewrite, authority, scheme, port, derivePort } = written;
    const names = [uri, prefixRewrite, authority, scheme, port, derivePort];
    if (!names.some(Boolean)) {
      context.addIssue("redirect must specify URI, authority, scheme, or port (or prefixRewrite)");
    }
    if (uri && prefixRewrite)
      context.addIssue("redirect may only contain one of uri or prefixRewrite");
    if (port !== undefined && derivePort !== undefined) {
      context.addIssue("redirect may only contain one of port or derivePort");
    }
    return withoutUndefined({
      uri: uri || undefined,
      prefixRewrite: prefixRewrite || undefined,
      authority: authority || undefined,
      scheme: scheme || undefined,
      port: port ?? derivePort,
      status: readCode(written.redirectCode),
    });
  }),
  ({ redirectCode }) =>
    readCode(redirectCode) === undefined
      ? `redirectCode ${redirectCode} is taken by Istio and then leaves the route without any action; here such requests get 500. Use one of ${REDIRECT_CODES.join(", ")}`
      : undefined,
);

function readCode(code: number | undefined): RedirectCode | undefined {
  return REDIRECT_CODES.find((one) => one === (code || 301));
}

const LARGE_BYTES = 100 * 1024;
const MAX_BYTES = 1024 * 1024;

const body = fields({ string: z.string().optional(), bytes: z.string().optional() }).transform(
  ({ string, bytes }, context): DirectResponse["body"] => {
    if (string !== undefined && bytes !== undefined) {
      context.addIssue("expected one of string and bytes, not both");
    }
    if (
      bytes !== undefined &&
      !/^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2,3}={0,2})?$/.test(bytes)
    ) {
      context.addIssue({ code: "custom", path: ["bytes"], message: "expected base64" });
    }
    if (sizeOf({ string, bytes }) > MAX_BYTES) {
      context.addIssue(
        "large direct_responses may impact control plane performance, must be less than 1MB",
      );
    }
    if (bytes !== undefined) return { base64: bytes };
    return string === undefined ? undefined : { text: string };
  },
);

function sizeOf(written: { string?: string | undefined; bytes?: string | undefined } | undefined) {
  return (
    Buffer.byteLength(written?.string ?? "") + Buffer.byteLength(written?.bytes ?? "", "base64")
  );
}

/** An HTTP status to answer with. */
export const answerStatus = z
  .number()
  .refine(
    (status) => Number.isInteger(status) && status >= 200 && status <= 599,
    "HTTP status is not in range 200-599",
  );

/** HTTPDirectResponse. */
export const directResponse = warnIf(
  fields({
    status: differing("600 is refused; Istio lets it slip through", answerStatus),
    body: body.optional(),
  }).transform(
    (written): DirectResponse => withoutUndefined({ status: written.status, body: written.body }),
  ),
  ({ body: written }) =>
    sizeOf(written ?? undefined) > LARGE_BYTES
      ? "a body of more than 100 KB goes to every proxy that uses the route, with each change of it"
      : undefined,
);

/** `mirrorPercent`, the deprecated whole number. */
export const mirrorPercent = count({
  max: 100,
  message: "mirror_percent must have a max value of 100 (a whole number, 0 or more)",
});
