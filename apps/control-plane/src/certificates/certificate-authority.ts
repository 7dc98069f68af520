import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { WorkloadId } from "@heddle/mesh";
import { formatSpiffeId, type RotationOf } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import {
  type ConfigDb,
  changeAuthorities,
  loadAuthorities,
  type StoredAuthorities,
} from "@heddle/store";
import * as x509 from "@peculiar/x509";
import { CannotSignError } from "./authority-errors.ts";
import type { AuthorityFiles } from "./authority-files.ts";
import { AuthorityMaker, type MakerSettings, type RotationWish } from "./authority-maker.ts";
import {
  certificateOf,
  KnownAuthorities,
  type KnownAuthority,
  rootHashOf,
  signatureOf,
} from "./known-authorities.ts";
import { openKey } from "./seal-key.ts";
import {
  checkCsr,
  exportKey,
  fingerprintOf,
  generateKeys,
  type Issuer,
  importKey,
  pemOf,
  signLeaf,
} from "./sign-certificate.ts";
import { checkHandover, fingerprintHex } from "./take-files.ts";

const SERVER_LIFETIME_MS = 7 * 86_400_000;

/** Whose certificate it is to be; `version` undefined: unversioned. */
export type WorkloadSubject = WorkloadId & {
  readonly service: string;
  readonly version: string | undefined;
};

/** A leaf with its chain, and what is written down about it. */
export type SignedCertificate = {
  /** The leaf first, then the authorities between it and the root. */
  readonly chainPem: string;
  readonly serialNumber: string;
  readonly fingerprint: string;
  readonly identity: string;
  readonly issuerId: number;
  /** SHA-256 of its public key (SubjectPublicKeyInfo), base64url. */
  readonly keyHash: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/** What the control plane's own listener shows to those who believe one root. */
export type ServerCertificate = {
  /** SHA-256 of the root at the chain's end, lower-case hex. */
  readonly rootFingerprint: string;
  readonly keyPem: string;
  /** Leaf, intermediates and the root itself: a proxy that joins has only its hash. */
  readonly chainPem: string;
  readonly notAfterMs: number;
};

export type AuthoritySettings = MakerSettings & { readonly certificateTtlSeconds: number };

/**
 * The mesh's certificate authority: a root signs intermediates, one intermediate signs leaves. What stands in the
 * database holds; every control plane reads it again each second. Signing needs no database.
 */
export class CertificateAuthority {
  readonly #db: ConfigDb;
  readonly #settings: AuthoritySettings;
  readonly #files: AuthorityFiles | undefined;
  readonly #maker: AuthorityMaker;
  /** Keys that were opened: scrypt is slow on purpose. */
  readonly #keys = new Map<number, Promise<CryptoKey>>();
  #known: KnownAuthorities;
  #issuer: { readonly authority: KnownAuthority; readonly issuer: Issuer } | undefined;

  private constructor(
    db: ConfigDb,
    settings: AuthoritySettings,
    files: AuthorityFiles | undefined,
    logger: Logger,
  ) {
    this.#db = db;
    this.#settings = settings;
    this.#files = files;
    this.#maker = new AuthorityMaker(settings, files, logger, (one) => this.#keyOf(one));
    this.#known = new KnownAuthorities({ authorities: [], rotation: undefined });
  }

  /** Opens the mesh's authority, or makes it at the first start. Throws `SealedKeyError`. */
  static async open(
    db: ConfigDb,
    settings: AuthoritySettings,
    files: AuthorityFiles | undefined,
    logger: Logger,
  ): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(db, settings, files, logger);
    await checkHandover(db, new KnownAuthorities(await loadAuthorities(db)), files);
    await authority.refresh();
    return authority;
  }

  get known(): KnownAuthorities {
    return this.#known;
  }

  get isFromFiles(): boolean {
    return this.#files !== undefined;
  }

  /** The authorities that sign now, for the metrics. */
  get inUse(): { role: string; serial: string; notAfterMs: number }[] {
    const { signer } = this.#known;
    const root = signer && this.#known.rootOf(signer);
    return [root, signer].flatMap((one) => {
      if (!one) return [];
      const role = one.parentId === undefined ? "root" : "intermediate";
      const serial = one.certificate.serialNumber.toLowerCase();
      return [{ role, serial, notAfterMs: one.notAfterMs }];
    });
  }

  /** Of leaves. */
  get lifetimeSeconds(): number {
    return this.#settings.certificateTtlSeconds;
  }

  /** The roots proxies believe, PEM, the signer's first. */
  get trustBundlePem(): string {
    return this.#known.believedRoots(Date.now()).map(certificateOf).join("");
  }

  /** SHA-256 of the root that new join tokens pin, base64url. */
  get rootHash(): string {
    const root = this.#known.lastingRoot(Date.now());
    if (!root) throw new CannotSignError("the mesh has no root that is valid now");
    return rootHashOf(root);
  }

  get createdAtMs(): number {
    const signer = this.#known.signer;
    return (signer && this.#known.rootOf(signer))?.createdAtMs ?? 0;
  }

  /**
   * Reads the authorities again and mends what must be: none yet, one that has ended, another one given from
   * files. Returns whether anything is different now.
   */
  async refresh(): Promise<boolean> {
    let stored = await loadAuthorities(this.#db);
    if (this.#maker.needsMending(this.#parse(stored))) {
      await changeAuthorities(this.#db, (now, writer) =>
        this.#maker.mend(new KnownAuthorities(now), writer),
      );
      stored = await loadAuthorities(this.#db);
    }
    return this.#take(stored);
  }

  /** A certificate whose URI SAN is the workload's SPIFFE id, whatever names the request asks for. */
  async issueWorkload(subject: WorkloadSubject, csrPem: string): Promise<SignedCertificate> {
    const publicKey = await checkCsr(csrPem);
    const { trustDomain } = this.#settings;
    const name: x509.JsonName = [{ CN: [subject.name] }, { O: [subject.service] }];
    if (subject.version !== undefined) name.push({ OU: [subject.version] });
    return this.#issue(formatSpiffeId({ trustDomain, workload: subject }), name, publicKey);
  }

  /** A proxy's own certificate, with which it opens the control stream. */
  async issueProxy(proxyId: string, csrPem: string): Promise<SignedCertificate> {
    const publicKey = await checkCsr(csrPem);
    return this.#issue(
      proxyUri(this.#settings.trustDomain, proxyId),
      [{ CN: [proxyId] }],
      publicKey,
    );
  }

  /**
   * Keys and chains of the control plane's own listener, for every root whose key is here: a proxy that was
   * away, or a join token made before a rotation, knows only the root of its time. The one to show first, first.
   */
  async issueServers(hosts: readonly string[]): Promise<ServerCertificate[]> {
    const known = this.#known;
    const nowMs = Date.now();
    const roots = known.rememberedRoots(nowMs);
    const made = await Promise.all(
      roots.map(async (root) => {
        const issuer = await this.#serverIssuer(root, nowMs);
        return issuer && this.#issueServer(root, issuer, hosts);
      }),
    );
    const first = known.signer?.parentId;
    const firstFingerprint = first === undefined ? undefined : known.find(first)?.fingerprint;
    return made
      .flatMap((one) => one ?? [])
      .sort((a, b) => rank(a, firstFingerprint) - rank(b, firstFingerprint));
  }

  /** Begins to replace the signing authority. Throws `AuthorityConflictError` while that is not possible. */
  async startRotation(of: RotationOf, options: RotationWish): Promise<void> {
    await changeAuthorities(this.#db, (stored, writer) =>
      this.#maker.startRotation(new KnownAuthorities(stored), of, options, writer),
    );
    await this.refresh();
  }

  /**
   * A new root at once, without overlap: what the old one has signed is believed no more. For a root that has
   * ended, or whose key was stolen.
   */
  async rescue(): Promise<void> {
    await changeAuthorities(this.#db, (stored, writer) =>
      this.#maker.replaceRoot(new KnownAuthorities(stored), writer),
    );
    await this.refresh();
  }

  async #issue(
    identity: string,
    name: x509.JsonName,
    publicKey: x509.PublicKey,
  ): Promise<SignedCertificate> {
    const issuing = this.#issuer;
    if (!issuing || issuing.authority.notAfterMs <= Date.now()) {
      throw new CannotSignError("no authority whose key is here may sign now; see the log");
    }
    const leaf = await signLeaf(issuing.issuer, {
      publicKey,
      name,
      names: [{ type: "url", value: identity }],
      lifetimeMs: this.#settings.certificateTtlSeconds * 1000,
    });
    return {
      chainPem: pemOf(leaf) + issuing.authority.certificatePem,
      serialNumber: leaf.serialNumber.toLowerCase(),
      fingerprint: fingerprintOf(leaf).toString("hex"),
      identity,
      issuerId: issuing.authority.id,
      keyHash: createHash("sha256").update(Buffer.from(publicKey.rawData)).digest("base64url"),
      notBeforeMs: leaf.notBefore.getTime(),
      notAfterMs: leaf.notAfter.getTime(),
    };
  }

  async #issueServer(
    root: KnownAuthority,
    { authority, issuer }: { authority: KnownAuthority; issuer: Issuer },
    hosts: readonly string[],
  ): Promise<ServerCertificate> {
    const keys = await generateKeys();
    const names = [...new Set(hosts)].map((value) => ({
      type: isIP(value) ? ("ip" as const) : ("dns" as const),
      value,
    }));
    const leaf = await signLeaf(issuer, {
      publicKey: keys.publicKey,
      name: [{ CN: ["heddle-control-plane"] }],
      names,
      lifetimeMs: SERVER_LIFETIME_MS,
    });
    return {
      rootFingerprint: root.fingerprint,
      keyPem: `${x509.PemConverter.encode(await exportKey(keys), "PRIVATE KEY")}\n`,
      chainPem: pemOf(leaf) + authority.certificatePem + certificateOf(root),
      notAfterMs: leaf.notAfter.getTime(),
    };
  }

  /** The intermediate under a root that can sign a certificate of our own. */
  async #serverIssuer(root: KnownAuthority, nowMs: number) {
    const candidates = this.#known
      .intermediatesOf(root)
      .filter((one) => one.notAfterMs > nowMs)
      .sort((a, b) => Number(b.isSigning) - Number(a.isSigning) || b.id - a.id);
    for (const authority of candidates) {
      const key = await this.#keyOf(authority);
      if (key) return { authority, issuer: { certificate: authority.certificate, key } };
    }
    return undefined;
  }

  /** `undefined`: its key is not here. Throws `SealedKeyError`. */
  #keyOf(authority: KnownAuthority): Promise<CryptoKey> | undefined {
    const opened = this.#keys.get(authority.id);
    if (opened) return opened;
    const ours = this.#files?.chain[0];
    if (ours && fingerprintHex(ours.raw) === authority.fingerprint) {
      return Promise.resolve(this.#files.key);
    }
    if (!authority.encryptedKey) return undefined;
    const key = importKey(openKey(authority.encryptedKey, this.#settings.caSecret));
    if (authority.parentId !== undefined) this.#keys.set(authority.id, key); // a root's is rarely needed
    return key;
  }

  async #take(stored: StoredAuthorities): Promise<boolean> {
    const next = this.#parse(stored);
    const isSame = next === this.#known;
    if (isSame && this.#issuer) return false;
    const { signer } = next;
    const key = signer && (await this.#keyOf(signer));
    for (const id of this.#keys.keys()) {
      if (next.find(id)?.encryptedKey === undefined) this.#keys.delete(id); // destroyed there: forgotten here
    }
    this.#known = next;
    this.#issuer = signer &&
      key && { authority: signer, issuer: { certificate: signer.certificate, key } };
    return !isSame;
  }

  /** What is known already, if that is still all. */
  #parse(stored: StoredAuthorities): KnownAuthorities {
    const isKnown = signatureOf(stored) === this.#known.signature;
    return isKnown ? this.#known : new KnownAuthorities(stored);
  }
}

/** `spiffe://<trust-domain>/heddle/proxy/<proxyId>` */
export function proxyUri(trustDomain: string, proxyId: string): string {
  return `spiffe://${trustDomain}/heddle/proxy/${proxyId}`;
}

function rank({ rootFingerprint }: ServerCertificate, first: string | undefined): number {
  return rootFingerprint === first ? 0 : 1;
}
