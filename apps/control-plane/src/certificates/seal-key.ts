import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { HeddleError } from "@heddle/runtime";

/** The stored key cannot be opened: another HEDDLE_CA_SECRET, or altered bytes. */
export class SealedKeyError extends HeddleError {
  override readonly name = "SealedKeyError";
  constructor(options?: ErrorOptions) {
    super(
      "HEDDLE_CA_SECRET_MISMATCH",
      "the certificate authority's key in this database was encrypted with another HEDDLE_CA_SECRET; start with that one",
      options,
    );
  }
}

// Layout: format (1) | scrypt salt (16) | nonce (12) | tag (16) | ciphertext.
const FORMAT = 1;
const SALT_END = 17;
const NONCE_END = 29;
const TAG_END = 45;

/** Encrypts a private key with AES-256-GCM under a key that scrypt draws from the secret. */
export function sealKey(privateKey: Uint8Array, secret: string): Buffer {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", scryptSync(secret, salt, 32), nonce);
  const ciphertext = Buffer.concat([cipher.update(privateKey), cipher.final()]);
  return Buffer.concat([Buffer.of(FORMAT), salt, nonce, cipher.getAuthTag(), ciphertext]);
}

/** The reverse of `sealKey`; throws `SealedKeyError` when secret or bytes are not the same. */
export function openKey(sealed: Uint8Array, secret: string): Buffer {
  const bytes = Buffer.from(sealed);
  if (bytes[0] !== FORMAT || bytes.length <= TAG_END) throw new SealedKeyError();
  const key = scryptSync(secret, bytes.subarray(1, SALT_END), 32);
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(SALT_END, NONCE_END));
  decipher.setAuthTag(bytes.subarray(NONCE_END, TAG_END));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(TAG_END)), decipher.final()]);
  } catch (cause) {
    throw new SealedKeyError({ cause });
  }
}
