import type { StoredAuthorities, StoredAuthority, StoredRotation } from "@heddle/store";
import * as x509 from "@peculiar/x509";
import { fingerprintOf, pemOf } from "./sign-certificate.ts";

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
    this.signature = JSON.stringify([
      authorities.map((one) => [
        one.id,
        one.isTrusted,
        one.isSigning,
        one.retiredAtMs,
        one.encryptedKey !== undefined,
      ]),
      rotation,
    ]);
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
