import { checkClaimTypes, REFUSAL, type Refusal, type TokenClaims } from "@heddle/mesh";
import { z } from "zod";
import { ALGORITHMS } from "./key-set.ts";

/** Longer ones are no tokens to us; a head is not longer either. */
const MAX_TOKEN_CHARACTERS = 16_384;
const BASE64URL = /^[A-Za-z0-9_-]*$/;
const JsonObject = z.record(z.string(), z.unknown());

/** What a signed text says about its signature. */
export type TokenHeader = {
  readonly algorithm: string;
  readonly kid: string | undefined;
};

/** The payload of a token, as it stands and as it reads. */
export type TokenPayload = { readonly text: string; readonly claims: TokenClaims };

/** The header of a compact JWS (RFC 7515 §5.2), strictly: nothing but base64url, and that in its one form. */
export function parseTokenHeader(token: string): TokenHeader | Refusal {
  if (token.length > MAX_TOKEN_CHARACTERS) return REFUSAL.badForm;
  const [header, payload, signature, ...more] = token.split(".");
  if (header === undefined || payload === undefined || signature === undefined) {
    return REFUSAL.badForm;
  }
  if (more.length > 0) return REFUSAL.badForm;
  const decoded = decode(header);
  if (decoded === undefined || header === "") return REFUSAL.headerBase64;
  if (decode(payload) === undefined) return REFUSAL.payloadBase64;
  if (decode(signature) === undefined || signature === "") return REFUSAL.signatureBase64;
  const fields = parseObject(decoded);
  if (fields === undefined) return REFUSAL.headerJson;
  const { alg, kid } = fields;
  if (typeof alg !== "string") return REFUSAL.headerAlg;
  if (!ALGORITHMS.has(alg)) return REFUSAL.headerUnknownAlg;
  if (kid !== undefined && typeof kid !== "string") return REFUSAL.headerKid;
  // Extensions that must be understood are not (RFC 7515 §4.1.11).
  if (fields["crit"] !== undefined) return REFUSAL.verification;
  return { algorithm: alg, kid };
}

/** The claims of a token whose form `parseTokenHeader` has found good. */
export function parseTokenPayload(token: string): TokenPayload | Refusal {
  const text = token.split(".")[1] ?? "";
  const claims = parseObject(Buffer.from(text, "base64url"));
  if (claims === undefined) return REFUSAL.payloadJson;
  return checkClaimTypes(claims) ?? { text, claims };
}

function decode(part: string): Buffer | undefined {
  if (!BASE64URL.test(part)) return undefined;
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function parseObject(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    return JsonObject.safeParse(JSON.parse(utf8.decode(bytes))).data;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
