import { z } from "zod";
import { AuthorizationPolicyWire } from "../control-stream/workload-policy-wire.ts";
import { MtlsModeWire, RequestSource } from "./mesh-state.ts";

/** Which tokens one rule of a RequestAuthentication takes, without any key. */
export const TokenRuleState = z.object({
  issuer: z.string(),
  audiences: z.array(z.string()),
  /** Where its keys are from: the document, `jwksUri`, or OpenID Connect discovery from the issuer. */
  keysFrom: z.enum(["document", "url", "discovery"]),
  jwksUri: z.string().optional(),
  isRequired: z.boolean(),
  /** Where a token is looked for, in words; none: `Authorization: Bearer` and `access_token`. */
  places: z.array(z.string()),
});

/** A document that says who may call whom; exactly one of the last three is there, by its kind. */
export const PolicyState = z.object({
  kind: z.enum(["AuthorizationPolicy", "RequestAuthentication", "PeerAuthentication"]),
  namespace: z.string(),
  name: z.string(),
  revision: z.number().int(), // the one that last changed it
  updatedAtMs: z.number(),
  /** `none`: written for gateways, which Heddle has not. */
  scope: z.enum(["mesh", "namespace", "selector", "none"]),
  selector: z.record(z.string(), z.string()).optional(),
  /** Registered workloads it holds for, `namespace/name`. */
  workloads: z.array(z.string()),
  authorization: AuthorizationPolicyWire.optional(),
  tokens: z.array(TokenRuleState).optional(),
  mtls: z
    .object({
      /** Absent: UNSET. */
      mode: MtlsModeWire.optional(),
      portModes: z.record(z.string(), MtlsModeWire).optional(),
      /** What STRICT would refuse is counted. */
      isStrictDryRun: z.boolean().optional(),
    })
    .optional(),
});
/** `GET /policies`. */
export const PoliciesResponse = z.object({
  revision: z.number().int(),
  policies: z.array(PolicyState),
});

/** `PUT /policies/{namespace}/{name}/shadow` of an AuthorizationPolicy: counted, not enforced; → `ApplyResponse`. */
export const PolicyShadowRequest = z.object({
  isShadow: z.boolean(),
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
});

export type TokenRuleState = z.infer<typeof TokenRuleState>;
export type PolicyState = z.infer<typeof PolicyState>;
export type PoliciesResponse = z.infer<typeof PoliciesResponse>;
export type PolicyShadowRequest = z.infer<typeof PolicyShadowRequest>;
