import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** `hdl1.<id>.<secret>.<root hash>`, taken apart. */
export type JoinTokenParts = { readonly id: string; readonly secret: string };

const JOIN_TOKEN = /^hdl1\.([0-9a-f]{16})\.([\w-]{43})\.[\w-]{43}$/;

/** `undefined`: not a join token of this shape. */
export function parseJoinToken(token: string): JoinTokenParts | undefined {
  const [, id, secret] = JOIN_TOKEN.exec(token) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** A new token of 256 random bits, with the root's hash so that a proxy knows whom it talks to. */
export function makeJoinToken(rootHash: string): JoinTokenParts & { readonly token: string } {
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  return { id, secret, token: `hdl1.${id}.${secret}.${rootHash}` };
}

export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Compares in constant time; an absent hash (unknown token) costs the same and never matches. */
export function isSecretOf(secretHash: Uint8Array | undefined, secret: string): boolean {
  const given = hashSecret(secret);
  const isEqual = timingSafeEqual(given, secretHash ?? hashSecret("no such token"));
  return isEqual && secretHash !== undefined;
}
