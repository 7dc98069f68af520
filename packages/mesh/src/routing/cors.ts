import { compileStringMatch, type TextTest } from "./compile-string-match.ts";
import type { CorsPolicy } from "./cors-policy.ts";

type Field = readonly [name: string, value: string];

/** A CorsPolicy made ready for many requests. */
export type CompiledCors = {
  readonly isAllowed: TextTest;
  readonly answersUnmatched: boolean;
  /** Of a preflight's answer and of every other answer, the origin itself left out. */
  readonly preflightFields: readonly Field[];
  readonly responseFields: readonly Field[];
};

/** What CORS makes of a request. `set` replaces fields of the same name that the service sent. */
export type CorsDecision =
  /** Not of another origin, or of one that is not allowed: nothing is added. */
  | { readonly kind: "pass" }
  /** A preflight, answered here with 200 and these fields. */
  | { readonly kind: "answer"; readonly fields: readonly Field[] }
  /** To the service, and these fields are set on its answer. */
  | { readonly kind: "set"; readonly fields: readonly Field[] };

const PASS: CorsDecision = { kind: "pass" };

/** Throws `InvalidRegexError`. An exact `*` allows every origin, as in Envoy. */
export function compileCors(policy: CorsPolicy): CompiledCors {
  const origins = policy.allowOrigins.map((origin) =>
    origin.kind === "exact" && origin.value === "*" ? () => true : compileStringMatch(origin),
  );
  const credentials: Field[] = policy.allowCredentials
    ? [["access-control-allow-credentials", "true"]]
    : [];
  const maxAge = policy.maxAgeSeconds;
  return {
    isAllowed: (origin) => origins.some((holds) => holds(origin)),
    answersUnmatched: policy.unmatchedPreflights === "IGNORE",
    preflightFields: [
      ...credentials,
      ...listField("access-control-allow-methods", policy.allowMethods),
      ...listField("access-control-allow-headers", policy.allowHeaders),
      ...(maxAge === undefined ? [] : [["access-control-max-age", String(maxAge)] as const]),
    ],
    responseFields: [
      ...credentials,
      ...listField("access-control-expose-headers", policy.exposeHeaders),
    ],
  };
}

/**
 * Envoy's CORS filter: `origin` and `requestMethod` are the headers `origin` and
 * `access-control-request-method`. A preflight of an origin that is not allowed goes to the service,
 * unless the policy says IGNORE: then it is answered without any CORS field, which forbids it.
 */
export function decideCors(
  cors: CompiledCors,
  method: string,
  origin: string | undefined,
  requestMethod: string | undefined,
): CorsDecision {
  if (origin === undefined || origin === "") return PASS;
  const isPreflight = method === "OPTIONS" && requestMethod !== undefined && requestMethod !== "";
  if (!cors.isAllowed(origin)) {
    return isPreflight && cors.answersUnmatched ? { kind: "answer", fields: [] } : PASS;
  }
  const allowed: Field = ["access-control-allow-origin", origin];
  return isPreflight
    ? { kind: "answer", fields: [allowed, ...cors.preflightFields] }
    : { kind: "set", fields: [allowed, ...cors.responseFields] };
}

function listField(name: string, values: readonly string[]): Field[] {
  return values.length === 0 ? [] : [[name, values.join(",")]];
}
