import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { HeddleError } from "@heddle/runtime";
import { z } from "zod";

/** What a certificate needs to be used and kept: as it lies on disk. */
export const KeyAndCertificate = z.object({
  keyPem: z.string(),
  /** Leaf first. */
  chainPem: z.string(),
  trustBundlePem: z.string(),
});
export type KeyAndCertificate = z.infer<typeof KeyAndCertificate>;

/** A certificate that came does not belong to the key, the name or the root it should. */
export class CertificateMismatchError extends HeddleError {
  override readonly name = "CertificateMismatchError";
  constructor(message: string) {
    super("HEDDLE_CERTIFICATE_MISMATCH", message);
  }
}

export type CertificateFacts = {
  readonly uri: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/**
 * Checks that the leaf fits the key, was signed by the trust bundle and names one SPIFFE id. Throws
 * `CertificateMismatchError`; an expired leaf passes, since that is for its user to decide.
 */
export function checkCertificate(material: KeyAndCertificate): CertificateFacts {
  const leaf = parseCertificate(material.chainPem, "certificate");
  if (!leaf.checkPrivateKey(createPrivateKey(material.keyPem))) {
    throw new CertificateMismatchError(
      "the certificate does not belong to the key it was asked for",
    );
  }
  const roots = splitPem(material.trustBundlePem).map((pem) => parseCertificate(pem, "root"));
  const chain = splitPem(material.chainPem).map((pem) => parseCertificate(pem, "certificate"));
  if (!chain.some((one) => roots.some((root) => isSignedBy(one, root)))) {
    throw new CertificateMismatchError(
      "the certificate is not signed by a root of the trust bundle",
    );
  }
  const uris = /URI:([^,\s]+)/g;
  const found = [...(leaf.subjectAltName ?? "").matchAll(uris)].map((match) => match[1] ?? "");
  const [uri, another] = found;
  if (!uri?.startsWith("spiffe://") || another !== undefined) {
    throw new CertificateMismatchError(
      `a certificate must name exactly one SPIFFE id, this one names ${found.join(", ") || "none"}`,
    );
  }
  return {
    uri,
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
  };
}

/** Whether the chain's leaf was issued for this key; what is no certificate fits none. */
export function fitsKey(chainPem: string, keyPem: string): boolean {
  try {
    return parseCertificate(chainPem, "certificate").checkPrivateKey(createPrivateKey(keyPem));
  } catch (error) {
    if (error instanceof CertificateMismatchError) return false;
    throw error;
  }
}

/** TLS 1.3 with our chain to show and the trust bundle to check the peer's; serves both sides. */
export function toSecureContext(material: KeyAndCertificate): SecureContext {
  return createSecureContext({
    key: material.keyPem,
    cert: material.chainPem,
    ca: splitPem(material.trustBundlePem),
    minVersion: "TLSv1.3",
  });
}

/** The certificates of a PEM text, one by one. */
export function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

function parseCertificate(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new CertificateMismatchError(`not a ${what} in PEM: ${(error as Error).message}`);
  }
}

function isSignedBy(certificate: X509Certificate, root: X509Certificate): boolean {
  return certificate.checkIssued(root) && certificate.verify(root.publicKey);
}
