import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { createHash, randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

export const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Clocks of a mesh may differ by this much before a new certificate is "not yet valid". */
const MAX_CLOCK_SKEW_MS = 60_000;

x509.cryptoProvider.set(webcrypto);

/** Why a certificate request was turned away. */
export class CsrRefusedError extends Error {
  override readonly name = "CsrRefusedError";
  readonly code = "HEDDLE_CSR_REFUSED";
}

/** What signs: a certificate with its private key. */
export type Issuer = {
  readonly certificate: x509.X509Certificate;
  readonly key: CryptoKey;
};

/** A certificate with the PKCS #8 form of its key. */
export type MadeAuthority = { readonly certificatePem: string; readonly privateKey: Uint8Array };

/** A root that signs itself, ECDSA P-256. */
export async function makeRoot(trustDomain: string, lifetimeMs: number): Promise<MadeAuthority> {
  const keys = await generateKeys();
  const nowMs = Date.now();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`Heddle root ${randomBytes(4).toString("hex")}`] }, { O: [trustDomain] }],
    notBefore: new Date(nowMs - skewMs(lifetimeMs)),
    notAfter: new Date(nowMs + lifetimeMs),
    keys,
    signingAlgorithm: ECDSA_P256,
    extensions: await authorityExtensions(keys.publicKey, undefined),
  });
  return { certificatePem: pemOf(root), privateKey: await exportKey(keys) };
}

/** An intermediate that signs leaves and no further authority; it does not outlive its root. */
export async function makeIntermediate(
  root: Issuer,
  trustDomain: string,
  lifetimeMs: number,
): Promise<MadeAuthority> {
  const keys = await generateKeys();
  const nowMs = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [
      { CN: [`Heddle intermediate ${randomBytes(4).toString("hex")}`] },
      { O: [trustDomain] },
    ],
    issuer: root.certificate.subjectName,
    ...validity(nowMs, lifetimeMs, root.certificate),
    publicKey: keys.publicKey,
    signingKey: root.key,
    signingAlgorithm: signatureOf(root.key),
    extensions: [
      ...(await authorityExtensions(keys.publicKey, 0)),
      await x509.AuthorityKeyIdentifierExtension.create(root.certificate, false),
    ],
  });
  return { certificatePem: pemOf(certificate), privateKey: await exportKey(keys) };
}

export type LeafOptions = {
  readonly publicKey: x509.PublicKey | CryptoKey;
  readonly name: x509.JsonName;
  readonly names: x509.JsonGeneralNames;
  readonly lifetimeMs: number;
};

/** A leaf for client and server; it does not outlive its issuer. */
export async function signLeaf(
  issuer: Issuer,
  { publicKey, name, names, lifetimeMs }: LeafOptions,
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: name,
    issuer: issuer.certificate.subjectName,
    ...validity(Date.now(), lifetimeMs, issuer.certificate),
    publicKey,
    signingKey: issuer.key,
    signingAlgorithm: signatureOf(issuer.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.clientAuth,
        x509.ExtendedKeyUsage.serverAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate, false),
    ],
  });
}

/** The request's key, once its signature proves that the asker holds the private half. Throws `CsrRefusedError`. */
export async function checkCsr(csrPem: string): Promise<x509.PublicKey> {
  const request = parseCsr(csrPem);
  const { name, namedCurve } = request.publicKey.algorithm as { name: string; namedCurve?: string };
  if (name !== "ECDSA" || namedCurve !== "P-256") {
    throw new CsrRefusedError("the request's key must be ECDSA P-256");
  }
  const isSigned = await request.verify().catch(() => false);
  if (!isSigned) throw new CsrRefusedError("the request's signature does not match its key");
  return request.publicKey;
}

export function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
}

export async function exportKey(keys: webcrypto.CryptoKeyPair): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
}

/** A key made here, from its PKCS #8 form. */
export function importKey(pkcs8: Uint8Array): Promise<CryptoKey> {
  return webcrypto.subtle.importKey("pkcs8", Uint8Array.from(pkcs8), ECDSA_P256, false, ["sign"]);
}

export function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem").trimEnd()}\n`;
}

/** SHA-256 of a certificate's DER. */
export function fingerprintOf(certificate: x509.X509Certificate): Buffer {
  return createHash("sha256").update(Buffer.from(certificate.rawData)).digest();
}

async function authorityExtensions(publicKey: CryptoKey, pathLength: number | undefined) {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

function validity(nowMs: number, lifetimeMs: number, issuer: x509.X509Certificate) {
  return {
    notBefore: new Date(Math.max(nowMs - skewMs(lifetimeMs), issuer.notBefore.getTime())),
    notAfter: new Date(Math.min(nowMs + lifetimeMs, issuer.notAfter.getTime())),
  };
}

/** A short life must not begin so long ago that half of it is over at once. */
function skewMs(lifetimeMs: number): number {
  return Math.min(MAX_CLOCK_SKEW_MS, lifetimeMs / 6);
}

/** The signature that fits an issuer's key: authorities from outside may be P-384 or RSA. */
function signatureOf(key: CryptoKey): { name: string; hash: string } {
  const { name, namedCurve } = key.algorithm as { name: string; namedCurve?: string };
  const hash = namedCurve === "P-384" ? "SHA-384" : "SHA-256";
  return { name, hash };
}

function parseCsr(csrPem: string): x509.Pkcs10CertificateRequest {
  try {
    return new x509.Pkcs10CertificateRequest(csrPem);
  } catch {
    throw new CsrRefusedError("not a certificate request in PEM (PKCS #10)");
  }
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1; // positive, as RFC 5280 §4.1.2.2 wants it
  return bytes.toString("hex");
}
