import { X509Certificate } from "node:crypto";
import { HeddleError } from "@heddle/runtime";

/** A peer's chain is read so far at most. */
const MAX_CHAIN = 8;

/** A certificate that came does not belong to the key, the name or the root it should. */
export class CertificateMismatchError extends HeddleError {
  override readonly name = "CertificateMismatchError";
  constructor(message: string) {
    super("HEDDLE_CERTIFICATE_MISMATCH", message);
  }
}

/** The certificates of a PEM text, one by one. */
export function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

/** Throws `CertificateMismatchError` where the text is none; `what` names it. */
export function parseCertificate(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new CertificateMismatchError(`not a ${what} in PEM: ${(error as Error).message}`);
  }
}

export function parseCertificates(pem: string, what: string): X509Certificate[] {
  return splitPem(pem).map((one) => parseCertificate(one, what));
}

/** One name as Node writes them: `kind:value`, the value in JSON's quotes where it could be misread. */
const ALTERNATIVE_NAME = /(?:^|, )([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^,"]*)/y;

/** The URI names of a certificate; none where its names cannot be told apart for certain. */
export function uriNamesOf({
  subjectAltName = "",
}: Pick<X509Certificate, "subjectAltName">): string[] {
  const uris: string[] = [];
  ALTERNATIVE_NAME.lastIndex = 0;
  for (let end = 0; end < subjectAltName.length; end = ALTERNATIVE_NAME.lastIndex) {
    const [, kind, value = ""] = ALTERNATIVE_NAME.exec(subjectAltName) ?? [];
    if (kind === undefined) return [];
    if (kind === "URI") uris.push(value.startsWith('"') ? String(JSON.parse(value)) : value);
  }
  return uris;
}

/** As it stands in a list of revoked ones: lower-case hex without leading zeros. */
export function plainSerial(serialNumber: string): string {
  return serialNumber.toLowerCase().replace(/^0+(?=.)/, "");
}

/** The leaf and what was shown, or is known, to have issued it. */
export function chainOf(leaf: X509Certificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current: X509Certificate | undefined = leaf;
  while (current !== undefined && chain.length < MAX_CHAIN) {
    chain.push(current);
    const issuer: X509Certificate | undefined = current.issuerCertificate;
    current = issuer?.fingerprint256 === current.fingerprint256 ? undefined : issuer;
  }
  return chain;
}

/**
 * The root that vouches for `chain[0]`, over any number of authorities in the chain. Each link's signature
 * is checked: what a peer sends along proves nothing by lying there. `undefined`: none of them does.
 */
export function findAnchor(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): X509Certificate | undefined {
  let current = chain[0];
  for (let depth = 0; current !== undefined && depth < MAX_CHAIN; depth++) {
    const certificate: X509Certificate = current;
    const anchor = roots.find(
      (root) => root.fingerprint256 === certificate.fingerprint256 || isSignedBy(certificate, root),
    );
    if (anchor !== undefined) return anchor;
    current = chain.find((one) => one !== certificate && one.ca && isSignedBy(certificate, one));
  }
  return undefined;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
