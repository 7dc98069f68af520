import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { createPrivateKey, type KeyObject, webcrypto, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { InvalidConfigError, type Logger } from "@heddle/runtime";
import * as x509 from "@peculiar/x509";

/** Where an authority from outside lies. */
export type AuthorityFileNames = {
  /** The intermediate that signs, then those between it and the root. */
  readonly certificate: string;
  readonly key: string;
  /** The roots to believe. */
  readonly roots: string;
};

/** An intermediate of the user's own root, read and checked. */
export type AuthorityFiles = {
  /** The one that signs first; no root among them. */
  readonly chain: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
  /** The one of `roots` that the chain ends at. */
  readonly anchor: X509Certificate;
  readonly key: CryptoKey;
};

const MAX_CERTIFICATES = 16;
const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384" };
const MIN_RSA_BITS = 2048;
const KEYS_ALLOWED = `ECDSA P-256, ECDSA P-384 or RSA of at least ${MIN_RSA_BITS} bits`;

/** Reads and checks all three files; throws `InvalidConfigError` with every fault found. */
export async function readAuthorityFiles(
  names: AuthorityFileNames,
  nowMs: number,
  logger: Logger,
): Promise<AuthorityFiles> {
  const faults: string[] = [];
  const note = (variable: string, file: string, message: string) => {
    faults.push(`${variable}: ${file}: ${message}`);
  };
  const inChain = (message: string) => note("HEDDLE_CA_CERT_FILE", names.certificate, message);
  const inRoots = (message: string) => note("HEDDLE_CA_ROOT_FILE", names.roots, message);
  const inKey = (message: string) => note("HEDDLE_CA_KEY_FILE", names.key, message);
  const chain = readCertificates(names.certificate, inChain);
  const roots = readCertificates(names.roots, inRoots);
  const key = readKey(names.key, inKey);
  for (const root of roots) for (const fault of faultsOfRoot(root, nowMs)) inRoots(fault);
  for (const one of chain) for (const fault of faultsOfIssuer(one, nowMs)) inChain(fault);
  const [signer] = chain;
  const anchor = signer && findAnchor(chain, roots, inChain);
  if (signer && key && !signer.checkPrivateKey(key)) {
    inKey(`is not the key of ${nameOf(signer)} in HEDDLE_CA_CERT_FILE`);
  }
  if (faults.length > 0 || !signer || !anchor || !key) {
    throw new InvalidConfigError(faults.join("\n"));
  }
  if ((statSync(names.key).mode & 0o077) !== 0) {
    logger.warn(
      { file: names.key },
      "others than its owner can read the authority's key; make it 0600",
    );
  }
  return { chain, roots, anchor, key: await importIssuerKey(key) };
}

type Note = (message: string) => void;

function readText(file: string, note: Note): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    note(`cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
    return undefined;
  }
}

function readCertificates(file: string, note: Note): X509Certificate[] {
  const text = readText(file, note);
  if (text === undefined) return [];
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) note("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)");
  if (blocks.length > MAX_CERTIFICATES)
    note(`holds ${blocks.length} certificates; at most ${MAX_CERTIFICATES}`);
  return blocks.slice(0, MAX_CERTIFICATES).flatMap((block, index) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      note(`certificate ${index + 1} is not one: its PEM does not hold X.509`);
      return [];
    }
  });
}

function readKey(file: string, note: Note): KeyObject | undefined {
  const text = readText(file, note);
  if (text === undefined) return undefined;
  if (/ENCRYPTED/.test(text)) {
    note("is encrypted with a passphrase; give it in the clear, readable by its owner alone");
    return undefined;
  }
  try {
    const key = createPrivateKey(text);
    const fault = faultOfKey(key);
    if (fault === undefined) return key;
    note(fault);
  } catch {
    note("holds no private key in PEM (PKCS #8, PKCS #1 or SEC 1)");
  }
  return undefined;
}

function faultOfKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { namedCurve = "", modulusLength = 0 } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === "ec" && CURVES[namedCurve] !== undefined) return undefined;
  if (asymmetricKeyType === "rsa" && modulusLength >= MIN_RSA_BITS) return undefined;
  const found =
    asymmetricKeyType === "rsa"
      ? `RSA of ${modulusLength} bits`
      : `${asymmetricKeyType ?? "unknown"} ${namedCurve}`.trim();
  return `is ${found}; expected ${KEYS_ALLOWED}`;
}

function faultsOfIssuer(certificate: X509Certificate, nowMs: number): string[] {
  const name = nameOf(certificate);
  const faults = faultsOfAuthority(certificate, nowMs);
  if (certificate.checkIssued(certificate)) {
    faults.push(
      `${name} is a root (it signed itself); give an intermediate here, the root in HEDDLE_CA_ROOT_FILE`,
    );
  }
  return faults;
}

function faultsOfRoot(certificate: X509Certificate, nowMs: number): string[] {
  const name = nameOf(certificate);
  const faults = faultsOfAuthority(certificate, nowMs);
  const isSelfSigned =
    certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
  if (!isSelfSigned) faults.push(`${name} is not a root: it is not signed by itself`);
  return faults;
}

function faultsOfAuthority(certificate: X509Certificate, nowMs: number): string[] {
  const name = nameOf(certificate);
  const faults: string[] = [];
  if (!certificate.ca)
    faults.push(`${name} is not an authority (basicConstraints without CA:TRUE)`);
  const usage = new x509.X509Certificate(certificate.raw).getExtension(x509.KeyUsagesExtension);
  if (usage && (usage.usages & x509.KeyUsageFlags.keyCertSign) === 0) {
    faults.push(`${name} may not sign certificates (keyUsage without keyCertSign)`);
  }
  const keyFault = faultOfKey(certificate.publicKey);
  if (keyFault !== undefined) faults.push(`the key of ${name} ${keyFault}`);
  const { validFromDate, validToDate } = certificate;
  if (validToDate.getTime() <= nowMs) {
    faults.push(`${name} has expired on ${validToDate.toISOString()}`);
  }
  if (validFromDate.getTime() > nowMs) {
    faults.push(`${name} is not valid before ${validFromDate.toISOString()}`);
  }
  return faults;
}

/** Follows the chain up to a root, each signed by the next, none longer than its issuers allow. */
function findAnchor(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  note: Note,
): X509Certificate | undefined {
  for (const [index, one] of chain.slice(0, -1).entries()) {
    const issuer = chain[index + 1];
    if (issuer && isSignedBy(one, issuer)) continue;
    note(`${nameOf(one)} is not signed by the certificate after it; put each one's issuer next`);
    return undefined;
  }
  const last = chain.at(-1);
  const anchor = last && roots.find((root) => isSignedBy(last, root));
  if (!last || !anchor) {
    if (last && roots.length > 0) {
      note(`${nameOf(last)} is signed by none of the roots in HEDDLE_CA_ROOT_FILE`);
    }
    return undefined;
  }
  for (const [below, one] of [...chain, anchor].entries()) {
    const allowed = pathLengthOf(one);
    // below: so many authorities come between this one and the leaves
    if (allowed !== undefined && below > allowed) {
      note(`${nameOf(one)} allows ${allowed} authorities below it (pathlen), there are ${below}`);
    }
  }
  return anchor;
}

function isSignedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  return one.checkIssued(issuer) && one.verify(issuer.publicKey);
}

function pathLengthOf(certificate: X509Certificate): number | undefined {
  return new x509.X509Certificate(certificate.raw).getExtension(x509.BasicConstraintsExtension)
    ?.pathLength;
}

function nameOf({ subject, serialNumber }: X509Certificate): string {
  const name = subject?.replaceAll("\n", ", ");
  return name ? `"${name}"` : `the certificate ${serialNumber}`;
}

function importIssuerKey(key: KeyObject): Promise<CryptoKey> {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  const algorithm =
    key.asymmetricKeyType === "rsa"
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : { name: "ECDSA", namedCurve: CURVES[namedCurve ?? ""] ?? "P-256" };
  const der = key.export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
}
