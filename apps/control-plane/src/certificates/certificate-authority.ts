import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { createHash, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import type { WorkloadId } from "@heddle/mesh";
import { formatSpiffeId } from "@heddle/mesh";
import { type ConfigDb, findAuthority, keepFirstAuthority } from "@heddle/store";
import * as x509 from "@peculiar/x509";
import { openKey, sealKey } from "./seal-key.ts";

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const ROOT_LIFETIME_MS = 3650 * 86_400_000; // Istio's self-signed root: ten years
const CLOCK_SKEW_MS = 60_000;
const SERVER_LIFETIME_MS = 7 * 86_400_000;

x509.cryptoProvider.set(webcrypto);

/** Why a certificate request was turned away. */
export class CsrRefusedError extends Error {
  override readonly name = "CsrRefusedError";
  readonly code = "HEDDLE_CSR_REFUSED";
}

/** Whose certificate it is to be; `version` undefined: unversioned. */
export type WorkloadSubject = WorkloadId & {
  readonly service: string;
  readonly version: string | undefined;
};

export type IssuedCertificate = { readonly pem: string; readonly notAfterMs: number };

/** The mesh's certificate authority: one ECDSA P-256 root that signs every leaf itself. */
export type CertificateAuthority = {
  readonly trustBundlePem: string;
  readonly createdAtMs: number;
  /** SHA-256 of the root certificate's DER, base64url: the pin in join tokens. */
  readonly rootHash: string;
  /** A certificate whose URI SAN is the workload's SPIFFE id, whatever names the request asks for. */
  issueWorkload(subject: WorkloadSubject, csrPem: string): Promise<IssuedCertificate>;
  /** A proxy's own certificate, with which it opens the control stream. */
  issueProxy(proxyId: string, csrPem: string): Promise<IssuedCertificate>;
  /** Key and chain (leaf, root) of the control plane's own listener. */
  issueServer(
    hosts: readonly string[],
  ): Promise<{ keyPem: string; chainPem: string; notAfterMs: number }>;
};

/** Opens the mesh's authority, or makes it at the first start. Throws `SealedKeyError`. */
export async function openAuthority(
  db: ConfigDb,
  settings: { caSecret: string; trustDomain: string; certificateTtlSeconds: number },
): Promise<CertificateAuthority> {
  const stored =
    (await findAuthority(db)) ?? (await keepFirstAuthority(db, await makeRoot(settings)));
  const root = new x509.X509Certificate(stored.certificatePem);
  const pkcs8 = Uint8Array.from(openKey(stored.encryptedKey, settings.caSecret));
  const key = await webcrypto.subtle.importKey("pkcs8", pkcs8, ECDSA_P256, false, ["sign"]);
  const rootDer = Buffer.from(root.rawData);
  const leaf = (options: LeafOptions) => signLeaf(root, key, options);
  const lifetimeMs = settings.certificateTtlSeconds * 1000;
  const { trustDomain } = settings;
  return {
    trustBundlePem: pemOf(root),
    createdAtMs: stored.createdAtMs,
    rootHash: createHash("sha256").update(rootDer).digest("base64url"),
    issueWorkload: async (subject, csrPem) => {
      const publicKey = await checkCsr(csrPem);
      const uri = formatSpiffeId({ trustDomain, workload: subject });
      const name = [{ CN: [subject.name] }, { O: [subject.service] }];
      if (subject.version !== undefined) name.push({ OU: [subject.version] } as never);
      return leaf({ publicKey, name, names: [{ type: "url", value: uri }], lifetimeMs });
    },
    issueProxy: async (proxyId, csrPem) => {
      const publicKey = await checkCsr(csrPem);
      const value = proxyUri(trustDomain, proxyId);
      const name = [{ CN: [proxyId] }];
      return leaf({ publicKey, name, names: [{ type: "url", value }], lifetimeMs });
    },
    issueServer: async (hosts) => {
      const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
      const names = [...new Set(hosts)].map((value) => ({
        type: isIP(value) ? ("ip" as const) : ("dns" as const),
        value,
      }));
      const publicKey = keys.publicKey;
      const name = [{ CN: ["heddle-control-plane"] }];
      const issued = await leaf({ publicKey, name, names, lifetimeMs: SERVER_LIFETIME_MS });
      const exported = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
      const keyPem = x509.PemConverter.encode(exported, "PRIVATE KEY");
      // The root goes along: a proxy that joins has only its hash, and checks it against the chain.
      return { keyPem, chainPem: issued.pem + pemOf(root), notAfterMs: issued.notAfterMs };
    },
  };
}

/** `spiffe://<trust-domain>/heddle/proxy/<proxyId>` */
export function proxyUri(trustDomain: string, proxyId: string): string {
  return `spiffe://${trustDomain}/heddle/proxy/${proxyId}`;
}

async function makeRoot({ caSecret, trustDomain }: { caSecret: string; trustDomain: string }) {
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
  const createdAtMs = Date.now();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: ["Heddle root"] }, { O: [trustDomain] }],
    notBefore: new Date(createdAtMs - CLOCK_SKEW_MS),
    notAfter: new Date(createdAtMs + ROOT_LIFETIME_MS),
    keys,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { certificatePem: pemOf(root), encryptedKey: sealKey(pkcs8, caSecret), createdAtMs };
}

type LeafOptions = {
  readonly publicKey: x509.PublicKey | CryptoKey;
  readonly name: x509.JsonName;
  readonly names: x509.JsonGeneralNames;
  readonly lifetimeMs: number;
};

async function signLeaf(
  root: x509.X509Certificate,
  signingKey: CryptoKey,
  { publicKey, name, names, lifetimeMs }: LeafOptions,
): Promise<IssuedCertificate> {
  const nowMs = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: name,
    issuer: root.subjectName,
    notBefore: new Date(nowMs - CLOCK_SKEW_MS),
    notAfter: new Date(nowMs + lifetimeMs),
    publicKey,
    signingKey,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.clientAuth,
        x509.ExtendedKeyUsage.serverAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.AuthorityKeyIdentifierExtension.create(root, false),
    ],
  });
  return { pem: pemOf(certificate), notAfterMs: certificate.notAfter.getTime() };
}

/** The request's key, once its signature proves that the asker holds the private half. */
async function checkCsr(csrPem: string): Promise<x509.PublicKey> {
  const request = parseCsr(csrPem);
  if (!isAllowedKey(request.publicKey.algorithm)) {
    throw new CsrRefusedError("the request's key must be ECDSA P-256");
  }
  const isSigned = await request.verify().catch(() => false);
  if (!isSigned) throw new CsrRefusedError("the request's signature does not match its key");
  return request.publicKey;
}

function parseCsr(csrPem: string): x509.Pkcs10CertificateRequest {
  try {
    return new x509.Pkcs10CertificateRequest(csrPem);
  } catch {
    throw new CsrRefusedError("not a certificate request in PEM (PKCS #10)");
  }
}

function isAllowedKey(algorithm: { name: string; namedCurve?: string }): boolean {
  return algorithm.name === "ECDSA" && algorithm.namedCurve === "P-256";
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1; // positive, as RFC 5280 §4.1.2.2 wants it
  return bytes.toString("hex");
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem").trimEnd()}\n`;
}
