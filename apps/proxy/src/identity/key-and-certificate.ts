import { constants, createPrivateKey, type X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { z } from "zod";
import {
  CertificateMismatchError,
  findAnchor,
  parseCertificate,
  parseCertificates,
  uriNamesOf,
} from "./certificate-chain.ts";

/** What a certificate needs to be used and kept: as it lies on disk. */
export const KeyAndCertificate = z.object({
  keyPem: z.string(),
  /** Leaf first, then the authorities between it and a root. */
  chainPem: z.string(),
  /** Roots of the own trust domain. */
  trustBundlePem: z.string(),
});
export type KeyAndCertificate = z.infer<typeof KeyAndCertificate>;

export type CertificateFacts = {
  readonly uri: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/**
 * Checks that the leaf fits the key, leads to a root of the trust bundle (or of `moreRoots`) and names one
 * SPIFFE id. Throws `CertificateMismatchError`; an expired leaf passes, since that is for its user to decide.
 */
export function checkCertificate(
  material: KeyAndCertificate,
  moreRoots: readonly X509Certificate[] = [],
): CertificateFacts {
  const leaf = parseCertificate(material.chainPem, "certificate");
  if (!leaf.checkPrivateKey(createPrivateKey(material.keyPem))) {
    throw new CertificateMismatchError(
      "the certificate does not belong to the key it was asked for",
    );
  }
  const roots = [...parseCertificates(material.trustBundlePem, "root"), ...moreRoots];
  if (findAnchor(parseCertificates(material.chainPem, "certificate"), roots) === undefined) {
    throw new CertificateMismatchError(
      "the certificate is not signed by a root of the trust bundle",
    );
  }
  const found = uriNamesOf(leaf);
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

/**
 * TLS 1.3 with our chain to show and roots to check the peer's; serves both sides. Sessions are never
 * resumed: a ticket would outlive the trust it was given under.
 */
export function toSecureContext(
  { keyPem, chainPem }: KeyAndCertificate,
  rootsPem: readonly string[],
): SecureContext {
  return createSecureContext({
    key: keyPem,
    cert: chainPem,
    ca: [...rootsPem],
    minVersion: "TLSv1.3",
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}
