import { ProxyMessage } from "@heddle/contracts";
import type { RawData } from "ws";
import { z } from "zod";

const AnyMessage = z.looseObject({ type: z.string() });
const TYPES: ReadonlySet<string> = new Set(
  ProxyMessage.options.map(({ shape }) => shape.type.value),
);

/** `"unknown"`: a message of a type that this version does not know. `undefined`: none of the protocol. */
export function readProxyMessage(
  data: RawData,
  isBinary: boolean,
): ProxyMessage | "unknown" | undefined {
  if (isBinary || !Buffer.isBuffer(data)) return undefined; // ws hands over one Buffer unless told otherwise
  try {
    const json: unknown = JSON.parse(data.toString("utf8"));
    const parsed = ProxyMessage.safeParse(json);
    if (parsed.success) return parsed.data;
    const any = AnyMessage.safeParse(json);
    return any.success && !TYPES.has(any.data.type) ? "unknown" : undefined;
  } catch {
    return undefined; // not JSON: for the sender the same as JSON of another shape
  }
}
