import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import type { StoredAuthorities, StoredAuthority, StoredRotation } from "@heddle/store";
import * as x509 from "@peculiar/x509";
import { fingerprintOf, pemOf } from "./sign-certificate.ts";

/** Retired roots whose believers can still come back. */
const MAX_REMEMBERED = 8;

/** An authority with its certificate taken apart. */
export type KnownAuthority = StoredAuthority & {
  readonly certificate: x509.X509Certificate;
  /** SHA-256 of its DER, lower-case hex. */
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/** All authorities of the database at one time, and who stands where. Never changed, only replaced. */
export class KnownAuthorities {
  readonly all: readonly KnownAuthority[];
  readonly rotation: StoredRotation | undefined;
  /** What differs when anything but a date does. */
  readonly signature: string;
  readonly #byId: ReadonlyMap<number, KnownAuthority>;

  constructor({ authorities, rotation }: StoredAuthorities) {
    this.all = authorities.map(takeApart);
    this.rotation = rotation;
    this.#byId = new Map(this.all.map((one) => [one.id, one]));
    this.signature = signatureOf({ authorities, rotation });
  }

  find(id: number): KnownAuthority | undefined {
    return this.#byId.get(id);
  }

  /** The intermediate that signs. */
  get signer(): KnownAuthority | undefined {
    return this.all.find((one) => one.isSigning);
  }

  /** The root an authority stands under; a root stands under itself. */
  rootOf(authority: KnownAuthority): KnownAuthority | undefined {
    return authority.parentId === undefined ? authority : this.find(authority.parentId);
  }

  intermediatesOf(root: KnownAuthority): KnownAuthority[] {
    return this.all.filter((one) => one.parentId === root.id);
  }

  /** The roots proxies are told to believe, the signer's first. An ended one helps nobody. */
  believedRoots(nowMs: number): KnownAuthority[] {
    const first = this.signer?.parentId;
    const roots = this.all.filter(
      (one) => one.parentId === undefined && one.isTrusted && one.notAfterMs > nowMs,
    );
    return roots.sort((a, b) => Number(b.id === first) - Number(a.id === first) || a.id - b.id);
  }

  /**
   * Roots by which the listener shows itself, and whose certificates may open a stream: those believed, and the
   * latest of those that were, for who was away.
   */
  rememberedRoots(nowMs: number): KnownAuthority[] {
    const roots = this.all.filter((one) => one.parentId === undefined && one.notAfterMs > nowMs);
    const retired = roots.filter((one) => one.retiredAtMs !== undefined);
    const forgotten = new Set(retired.slice(0, -MAX_REMEMBERED));
    return roots.filter((one) => !forgotten.has(one));
  }

  /** The root that will be believed longest: the one that new join tokens pin. */
  lastingRoot(nowMs: number): KnownAuthority | undefined {
    const { rotation } = this;
    const isGoingBack = rotation?.step === "reverting";
    const target =
      rotation && this.find(isGoingBack ? rotation.fromAuthorityId : rotation.toAuthorityId);
    const root = (target && this.rootOf(target)) ?? (this.signer && this.rootOf(this.signer));
    return root && root.notAfterMs > nowMs ? root : this.believedRoots(nowMs)[0];
  }
}

/** Equal texts: nothing has changed. Certificates never do. */
export function signatureOf({ authorities, rotation }: StoredAuthorities): string {
  const standings = authorities.map((one) => [
    one.id,
    one.isTrusted,
    one.isSigning,
    one.retiredAtMs,
    one.encryptedKey !== undefined,
  ]);
  return JSON.stringify([standings, rotation]);
}

function takeApart(stored: StoredAuthority): KnownAuthority {
  const certificate = new x509.X509Certificate(firstPem(stored.certificatePem));
  return {
    ...stored,
    certificate,
    fingerprint: fingerprintOf(certificate).toString("hex"),
    notBeforeMs: certificate.notBefore.getTime(),
    notAfterMs: certificate.notAfter.getTime(),
  };
}

/** SHA-256 of a root's DER, base64url, as join tokens and proxies name it. */
export function rootHashOf(root: KnownAuthority): string {
  return Buffer.from(root.fingerprint, "hex").toString("base64url");
}

/** The certificate alone, without those it may come with. */
export function certificateOf(authority: KnownAuthority): string {
  return pemOf(authority.certificate);
}

function firstPem(pem: string): string {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/)?.[0] ?? pem;
}
