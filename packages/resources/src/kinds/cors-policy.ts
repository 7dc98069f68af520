import type { CorsPolicy, StringMatch } from "@heddle/mesh";
import { z } from "zod";
import { fields, warnIf } from "../schema/field-status.ts";
import { parseDurationMs } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";
import { textMatch } from "./string-match.ts";

const METHODS = [
  ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"],
];
const method = z
  .string()
  .refine(
    (name) => METHODS.includes(name),
    `is not a supported HTTP method; expected one of ${METHODS.join(", ")}`,
  );
const headerName = z
  .string()
  .refine(
    (name) => name === "*" || /^[-_A-Za-z0-9]+$/.test(name),
    "is not a valid header name; expected letters, digits, - and _, or *",
  );

const origin = textMatch.refine(
  (match) => match.kind === "present" || match.value !== "",
  "is not a valid match type for CORS allow origins; expected exact, prefix or regex with a value",
);

const maxAge = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 1) {
    context.addIssue('must be a valid duration greater than 1ms, such as "300s"');
    return z.NEVER;
  }
  if (ms % 1000 !== 0) {
    context.addIssue("max_age duration is accurate only to seconds precision");
    return z.NEVER;
  }
  return ms / 1000;
});

/** CorsPolicy. */
export const corsPolicy = warnIf(
  fields({
    allowOrigin: z.array(z.string()).optional(),
    allowOrigins: z.array(origin).optional(),
    allowMethods: z.array(method).optional(),
    allowHeaders: z.array(headerName).optional(),
    exposeHeaders: z.array(headerName).optional(),
    maxAge: maxAge.optional(),
    allowCredentials: z.boolean().optional(),
    unmatchedPreflights: z.enum(["UNSPECIFIED", "FORWARD", "IGNORE"]).optional(),
  }).transform((written): CorsPolicy => {
    const { allowOrigins = [], allowOrigin = [] } = written;
    const exact = allowOrigin.map((value): StringMatch => ({ kind: "exact", value }));
    return withoutUndefined({
      allowOrigins: (allowOrigins.length > 0 ? allowOrigins : exact).map(toOriginMatch),
      allowMethods: written.allowMethods ?? [],
      allowHeaders: written.allowHeaders ?? [],
      exposeHeaders: written.exposeHeaders ?? [],
      maxAgeSeconds: written.maxAge,
      allowCredentials: written.allowCredentials,
      unmatchedPreflights: written.unmatchedPreflights === "IGNORE" ? "IGNORE" : "FORWARD",
    });
  }),
  ({ allowOrigin, allowOrigins, allowCredentials }) => {
    const hasAll = [
      ...(allowOrigin ?? []),
      ...(allowOrigins ?? []).map((one) => one.exact),
    ].includes("*");
    if (hasAll && allowCredentials === true) {
      return "any origin with allowCredentials lets every web page act with its visitor's login; name the origins";
    }
    if (allowOrigin === undefined) return undefined;
    return "allowOrigin is deprecated; use allowOrigins with exact, prefix or regex";
  },
);

/** Envoy takes an exact `*` for any origin. */
function toOriginMatch(match: StringMatch): StringMatch {
  return match.kind === "exact" && match.value === "*" ? { kind: "present" } : match;
}
