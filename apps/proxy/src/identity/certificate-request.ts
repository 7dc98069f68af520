import { generateKeyPair, sign } from "node:crypto";
import { promisify } from "node:util";
import {
  bitString,
  objectIdentifier,
  octetString,
  sequence,
  set,
  smallInteger,
  taggedGroup,
  taggedPlain,
  toPem,
  utf8String,
} from "./der.ts";

const COMMON_NAME = objectIdentifier("2.5.4.3");
const SUBJECT_ALT_NAME = objectIdentifier("2.5.29.17");
const EXTENSION_REQUEST = objectIdentifier("1.2.840.113549.1.9.14");
const ECDSA_WITH_SHA256 = objectIdentifier("1.2.840.10045.4.3.2");
/** GeneralName's choice of uniformResourceIdentifier (RFC 5280 §4.2.1.6). */
const URI_NAME = 6;

/** A fresh key and the request for its certificate. The key never leaves the proxy. */
export type CertificateRequest = { readonly keyPem: string; readonly csrPem: string };

/**
 * Makes an ECDSA P-256 key and a PKCS #10 request (RFC 2986). The names in it are hints: the CA knows
 * better. Written here, since an X.509 library costs each sidecar 10 MiB for these few fields.
 */
export async function createCertificateRequest(
  commonName: string,
  spiffeId: string | undefined,
): Promise<CertificateRequest> {
  const keys = await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
  const info = sequence(
    smallInteger(0), // version 1
    sequence(set(sequence(COMMON_NAME, utf8String(commonName)))),
    keys.publicKey.export({ type: "spki", format: "der" }),
    taggedGroup(0, ...(spiffeId === undefined ? [] : [extensionRequest(spiffeId)])),
  );
  const signature = sign("sha256", info, keys.privateKey);
  const request = sequence(info, sequence(ECDSA_WITH_SHA256), bitString(signature));
  return {
    keyPem: keys.privateKey.export({ type: "pkcs8", format: "pem" }),
    csrPem: toPem("CERTIFICATE REQUEST", request),
  };
}

function extensionRequest(uri: string): Buffer {
  const names = sequence(taggedPlain(URI_NAME, Buffer.from(uri, "ascii")));
  const extensions = sequence(sequence(SUBJECT_ALT_NAME, octetString(names)));
  return sequence(EXTENSION_REQUEST, set(extensions));
}
