import { InvalidActionError } from "./invalid-action-error.ts";
import type { DirectResponse } from "./route.ts";

export type CompiledDirectResponse = { readonly status: number; readonly body: Uint8Array };

/** Works out the bytes once. Throws `InvalidActionError` for a body that is not base64. */
export function compileDirectResponse({ status, body }: DirectResponse): CompiledDirectResponse {
  if (body === undefined) return { status, body: new Uint8Array(0) };
  if ("text" in body) return { status, body: new TextEncoder().encode(body.text) };
  return { status, body: decodeBase64(body.base64) };
}

function decodeBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw new InvalidActionError(
      "directResponse.body.bytes",
      text,
      "it must be base64 with padding",
    );
  }
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
