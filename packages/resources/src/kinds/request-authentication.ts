import { z } from "zod";
import type { JwtRule, RequestAuthenticationDocument } from "../documents/policy-documents.ts";
import { differing, fields, warnIf } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { durationMs, someText } from "./fields.ts";
import { checkTarget, readTarget, targetFields } from "./policy-target.ts";

/** What frames a message, ends at a hop, or is vouched for by proxies. */
const TAKEN_HEADERS = new Set([
  ..."host content-length transfer-encoding connection keep-alive proxy-connection te trailer".split(
    " ",
  ),
  ..."upgrade expect http2-settings proxy-authorization x-forwarded-client-cert".split(" "),
]);
const DEFAULT_TIMEOUT_MS = 5000;
const PRIVATE_PARTS = ["d", "p", "q", "dp", "dq", "qi", "k"];

const jwksUri = z
  .string()
  .min(1)
  .max(2048)
  .refine(
    (text) => /^https?:\/\//i.test(text) && URL.canParse(text),
    "url must have scheme http:// or https://",
  );

const Keys = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

const jwks = warnIf(
  z
    .string()
    .refine(
      (text) => text === "" || readKeys(text) !== undefined,
      'jwks parse error: expected a JSON Web Key Set, {"keys": [{"kty": …}]}',
    ),
  (text) =>
    readKeys(text)?.some((key) => PRIVATE_PARTS.some((part) => key[part] !== undefined))
      ? "holds private or symmetric key parts; only public keys belong here"
      : undefined,
);

function readKeys(text: string): z.output<typeof Keys>["keys"] | undefined {
  try {
    return Keys.safeParse(JSON.parse(text)).data?.keys;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const headerName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[-_A-Za-z0-9]+$/)
  .refine((name) => {
    const lower = name.toLowerCase();
    return !TAKEN_HEADERS.has(lower) && !lower.startsWith("x-heddle-");
  }, "proxies write or read this header themselves; choose another");

const jwtRule = fields({
  issuer: someText,
  audiences: differing(
    "a token for others is answered with 401 as every token that is not good (RFC 6750); Envoy says 403",
    z.array(someText).optional(),
  ),
  jwksUri: jwksUri.optional(),
  jwks_uri: jwksUri.optional(),
  jwks: jwks.optional(),
  fromHeaders: z.array(fields({ name: someText, prefix: z.string().optional() })).optional(),
  fromParams: z.array(someText).optional(),
  fromCookies: z.array(someText).optional(),
  outputPayloadToHeader: z.union([z.literal(""), headerName]).optional(),
  outputClaimToHeaders: z.array(fields({ header: headerName, claim: someText })).optional(),
  forwardOriginalToken: z.boolean().optional(),
  timeout: durationMs.optional(),
  spaceDelimitedClaims: z.array(someText).max(64).optional(),
  presence: z.enum(["OPTIONAL", "REQUIRED"]).optional(),
})
  .superRefine(({ jwksUri, jwks_uri, jwks }, context) => {
    if ([jwksUri, jwks_uri, jwks].filter((one) => one !== undefined).length > 1) {
      context.addIssue("only one of jwks or jwksUri can be set");
    }
  })
  .transform(
    (rule): JwtRule => ({
      issuer: rule.issuer,
      audiences: rule.audiences ?? [],
      jwksUri: rule.jwksUri ?? rule.jwks_uri,
      jwks: rule.jwks || undefined,
      fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix = "" }) => ({ name, prefix })),
      fromParams: rule.fromParams ?? [],
      fromCookies: rule.fromCookies ?? [],
      forwardsToken: rule.forwardOriginalToken ?? false,
      payloadHeader: rule.outputPayloadToHeader || undefined,
      claimHeaders: rule.outputClaimToHeaders ?? [],
      timeoutMs: rule.timeout ?? DEFAULT_TIMEOUT_MS,
      spaceDelimitedClaims: rule.spaceDelimitedClaims ?? [],
      isRequired: rule.presence === "REQUIRED",
    }),
  );

const spec = fields({
  ...targetFields,
  jwtRules: z.array(jwtRule).max(4096).optional(),
}).superRefine(checkTarget);

export const RequestAuthenticationSchema = documentOf(spec.default({})).transform(
  ({ metadata: { namespace, name }, spec }): RequestAuthenticationDocument => ({
    kind: "RequestAuthentication",
    namespace,
    name,
    ...readTarget(spec),
    rules: spec.jwtRules ?? [],
  }),
);
