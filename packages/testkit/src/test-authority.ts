import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { createHash, randomBytes, webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

/** Key and chain in PEM, ready for `tls`. */
export type TestCertificate = { readonly keyPem: string; readonly chainPem: string };

export type TestWorkload = {
  readonly namespace: string;
  readonly workload: string;
  readonly service: string;
  readonly version?: string;
  /** Default: the authority's own. */
  readonly trustDomain?: string;
};

type LeafNames = {
  readonly subject: x509.JsonName;
  readonly names: x509.JsonGeneralNames;
  readonly ttlMs: number;
  /** How long the certificate is said to have been valid already. */
  readonly ageMs?: number;
};

/** A certificate authority of a test's own, with the names the mesh's has. */
export class TestAuthority {
  readonly trustDomain: string;
  readonly trustBundlePem: string;
  /** SHA-256 of the root's DER, base64url: what a join token pins. */
  readonly rootHash: string;
  readonly #root: x509.X509Certificate;
  /** Who signs: the root itself, or an intermediate, which goes along with each leaf. */
  readonly #issuer: x509.X509Certificate;
  readonly #key: CryptoKey;
  /** With the root's own key: makes intermediates. */
  readonly #rootKey: CryptoKey;

  private constructor(
    trustDomain: string,
    root: x509.X509Certificate,
    rootKey: CryptoKey,
    issuer: x509.X509Certificate,
    key: CryptoKey,
  ) {
    this.trustDomain = trustDomain;
    this.trustBundlePem = pemOf(root);
    this.rootHash = createHash("sha256").update(Buffer.from(root.rawData)).digest("base64url");
    this.#root = root;
    this.#rootKey = rootKey;
    this.#issuer = issuer;
    this.#key = key;
  }

  static async create(trustDomain = "cluster.local"): Promise<TestAuthority> {
    const keys = await generateKeys();
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: [{ CN: [`test root ${randomBytes(4).toString("hex")}`] }],
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + DAY_MS),
      keys,
      signingAlgorithm: ECDSA_P256,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    });
    return new TestAuthority(trustDomain, root, keys.privateKey, root, keys.privateKey);
  }

  /** An authority under the same root that signs by an intermediate of its own. */
  async intermediate(): Promise<TestAuthority> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [`test intermediate ${randomBytes(4).toString("hex")}`] }],
      issuer: this.#root.subjectName,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + DAY_MS),
      publicKey: keys.publicKey,
      signingKey: this.#rootKey,
      signingAlgorithm: ECDSA_P256,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    });
    const { trustDomain } = this;
    return new TestAuthority(trustDomain, this.#root, this.#rootKey, certificate, keys.privateKey);
  }

  /**
   * Writes what a control plane needs to sign as this authority, an intermediate, into `folder`; returns the
   * variables that name the files.
   */
  async writeFiles(folder: string): Promise<Readonly<Record<string, string>>> {
    const key = x509.PemConverter.encode(
      await webcrypto.subtle.exportKey("pkcs8", this.#key),
      "PRIVATE KEY",
    );
    const write = (name: string, text: string) => {
      const file = join(folder, name);
      writeFileSync(file, text, { mode: 0o600 });
      return file;
    };
    return {
      HEDDLE_CA_CERT_FILE: write("ca-cert.pem", pemOf(this.#issuer)),
      HEDDLE_CA_KEY_FILE: write("ca-key.pem", key),
      HEDDLE_CA_ROOT_FILE: write("ca-root.pem", this.trustBundlePem),
    };
  }

  spiffeId({ namespace, workload, trustDomain = this.trustDomain }: TestWorkload): string {
    return `spiffe://${trustDomain}/ns/${namespace}/sa/${workload}`;
  }

  /** A workload's key and chain. */
  async issueWorkload(
    workload: TestWorkload,
    ttlMs = DAY_MS,
    ageMs = 1_000,
  ): Promise<TestCertificate> {
    const keys = await generateKeys();
    const names = { ...this.#workloadNames(workload, ttlMs), ageMs };
    const chainPem = await this.#sign(keys.publicKey, names);
    return { keyPem: await keyPemOf(keys), chainPem };
  }

  /** The same for a key that its proxy holds. */
  signWorkload(
    csrPem: string,
    workload: TestWorkload,
    ttlMs = DAY_MS,
    ageMs = 1_000,
  ): Promise<string> {
    const { publicKey } = new x509.Pkcs10CertificateRequest(csrPem);
    return this.#sign(publicKey, { ...this.#workloadNames(workload, ttlMs), ageMs });
  }

  signProxy(csrPem: string, proxyId: string, ttlMs = DAY_MS): Promise<string> {
    const { publicKey } = new x509.Pkcs10CertificateRequest(csrPem);
    const value = `spiffe://${this.trustDomain}/heddle/proxy/${proxyId}`;
    return this.#sign(publicKey, {
      subject: [{ CN: [proxyId] }],
      names: [{ type: "url", value }],
      ttlMs,
    });
  }

  /** A server on loopback with these names; the root goes along, as the control plane's does. */
  async issueServer(names: readonly string[] = ["localhost"]): Promise<TestCertificate> {
    const keys = await generateKeys();
    const leaf = await this.#sign(keys.publicKey, {
      subject: [{ CN: ["test server"] }],
      names: [
        ...names.map((value) => ({ type: "dns", value }) as const),
        { type: "ip", value: "127.0.0.1" },
      ],
      ttlMs: DAY_MS,
    });
    return { keyPem: await keyPemOf(keys), chainPem: leaf + this.trustBundlePem };
  }

  #workloadNames(workload: TestWorkload, ttlMs: number): LeafNames {
    const subject: x509.JsonName = [{ CN: [workload.workload] }, { O: [workload.service] }];
    if (workload.version !== undefined) subject.push({ OU: [workload.version] });
    return { subject, names: [{ type: "url", value: this.spiffeId(workload) }], ttlMs };
  }

  async #sign(publicKey: CryptoKey | x509.PublicKey, leaf: LeafNames): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: leaf.subject,
      issuer: this.#issuer.subjectName,
      notBefore: new Date(Date.now() - (leaf.ageMs ?? 1_000)),
      notAfter: new Date(Date.now() + leaf.ttlMs),
      publicKey,
      signingKey: this.#key,
      signingAlgorithm: ECDSA_P256,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.clientAuth,
          x509.ExtendedKeyUsage.serverAuth,
        ]),
        new x509.SubjectAlternativeNameExtension(leaf.names),
      ],
    });
    return pemOf(certificate) + (this.#issuer === this.#root ? "" : pemOf(this.#issuer));
  }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  x509.cryptoProvider.set(webcrypto);
  return webcrypto.subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
}

async function keyPemOf(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return x509.PemConverter.encode(pkcs8, "PRIVATE KEY");
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem").trimEnd()}\n`;
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return bytes.toString("hex");
}
