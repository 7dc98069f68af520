import { InvalidConfigError } from "@heddle/runtime";

/** `hdl1.<id>.<secret>.<SHA-256 of the root certificate's DER, base64url>` */
export type JoinToken = { readonly text: string; readonly rootHash: string };

const TOKEN = /^hdl1\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;

/** Throws `InvalidConfigError` without showing the token. */
export function parseJoinToken(text: string): JoinToken {
  const rootHash = TOKEN.exec(text.trim())?.[3];
  if (rootHash === undefined) {
    throw new InvalidConfigError(
      "HEDDLE_JOIN_TOKEN: expected hdl1.<id>.<secret>.<root hash>, as `heddle token create` prints it (hidden)",
    );
  }
  return { text: text.trim(), rootHash };
}
