import {
  ControlMessage,
  ProxyResource,
  type ResourceRefusal,
  Subscription,
} from "@heddle/contracts/control-stream";
import { z } from "zod";

export type Push = Extract<ControlMessage, { type: "push" }>;

/**
 * A message of the control plane as far as this proxy understands it. Of a push, resources of a kind it does not
 * know are left out, and those it cannot read are `refused`: the rest is of use.
 */
export type ReadMessage =
  | { readonly kind: "message"; readonly message: Exclude<ControlMessage, Push> }
  | { readonly kind: "push"; readonly push: Push; readonly refused: readonly ResourceRefusal[] }
  /** Of a later version: passed over. */
  | { readonly kind: "unknown"; readonly type: string }
  /** `nonce`: of a push, which is answered. */
  | { readonly kind: "bad"; readonly reason: string; readonly nonce?: string };

const AnyMessage = z.looseObject({ type: z.string() });
const AnyResource = z.looseObject({ kind: z.string(), key: z.string(), version: z.string() });
const Envelope = z.object({
  type: z.literal("push"),
  nonce: z.string(),
  revision: z.number().int(),
  upserts: z.array(AnyResource),
  removes: z.array(z.string()),
  resolutions: z.array(
    Subscription.extend({
      service: z.object({ namespace: z.string(), name: z.string() }).nullable(),
    }),
  ),
});
const TYPES: ReadonlySet<string> = new Set(
  ControlMessage.options.map(({ shape }) => shape.type.value),
);
const KINDS: ReadonlySet<string> = new Set(
  ProxyResource.options.map(({ shape }) => shape.kind.value),
);

export function readMessage(text: string): ReadMessage {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { kind: "bad", reason: `not JSON: ${(error as Error).message}` };
  }
  const any = AnyMessage.safeParse(json);
  if (!any.success) return { kind: "bad", reason: describe(any.error) };
  const { type } = any.data;
  if (!TYPES.has(type)) return { kind: "unknown", type };
  if (type === "push") return readPush(json);
  const parsed = ControlMessage.safeParse(json);
  if (!parsed.success) return { kind: "bad", reason: `${type}: ${describe(parsed.error)}` };
  if (parsed.data.type === "push") return readPush(json);
  return { kind: "message", message: parsed.data };
}

function readPush(json: unknown): ReadMessage {
  const envelope = Envelope.safeParse(json);
  if (!envelope.success) {
    const { nonce } = json as { nonce?: unknown };
    const reason = describe(envelope.error);
    return { kind: "bad", reason, ...(typeof nonce === "string" ? { nonce } : {}) };
  }
  const refused: ResourceRefusal[] = [];
  const upserts = envelope.data.upserts.flatMap((resource) => {
    if (!KINDS.has(resource.kind)) return [];
    const parsed = ProxyResource.safeParse(resource);
    if (parsed.success) return [parsed.data];
    const { key, version } = resource;
    refused.push({ key, version, reason: describe(parsed.error) });
    return [];
  });
  return { kind: "push", push: { ...envelope.data, upserts }, refused };
}

function describe(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join(".")}: ${message}`)
    .join("; ");
}
