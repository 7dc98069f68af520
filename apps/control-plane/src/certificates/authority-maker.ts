import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { firstStep, type RotationOf } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import type { AuthorityWriter, StoredRotation } from "@heddle/store";
import * as x509 from "@peculiar/x509";
import { AuthorityConflictError } from "./authority-errors.ts";
import type { AuthorityFiles } from "./authority-files.ts";
import type { KnownAuthorities, KnownAuthority } from "./known-authorities.ts";
import { sealKey } from "./seal-key.ts";
import {
  type Issuer,
  importKey,
  type MadeAuthority,
  makeIntermediate,
  makeRoot,
} from "./sign-certificate.ts";
import { keyOfFilesMissing, needsFiles, takeFiles } from "./take-files.ts";

export type MakerSettings = {
  readonly caSecret: string;
  readonly trustDomain: string;
  readonly caRootTtlSeconds: number;
  readonly caIntermediateTtlSeconds: number;
};

/** How a rotation is begun. */
export type RotationWish = {
  readonly by: string;
  readonly isStepwise: boolean;
  readonly reason: string | undefined;
};

/** Makes roots and intermediates and puts them in their places, each time within one transaction. */
export class AuthorityMaker {
  readonly #settings: MakerSettings;
  readonly #files: AuthorityFiles | undefined;
  readonly #logger: Logger;
  readonly #keyOf: (authority: KnownAuthority) => Promise<CryptoKey> | undefined;

  /** `keyOf`: opens an authority's key; `undefined`: it is not here. */
  constructor(
    settings: MakerSettings,
    files: AuthorityFiles | undefined,
    logger: Logger,
    keyOf: (authority: KnownAuthority) => Promise<CryptoKey> | undefined,
  ) {
    this.#settings = settings;
    this.#files = files;
    this.#logger = logger;
    this.#keyOf = keyOf;
  }

  /** Whether nobody can sign now, or another authority was given from files. */
  needsMending(known: KnownAuthorities): boolean {
    const nowMs = Date.now();
    const { signer } = known;
    const root = signer && known.rootOf(signer);
    if (!signer || !root || signer.notAfterMs <= nowMs || root.notAfterMs <= nowMs) return true;
    return this.#files !== undefined && needsFiles(known, this.#files);
  }

  /** Sees to it that somebody can sign: the files' authority, another intermediate, or another root. */
  async mend(known: KnownAuthorities, writer: AuthorityWriter): Promise<void> {
    if (!this.needsMending(known)) return; // another control plane was faster
    if (this.#files) return takeFiles(known, this.#files, writer, this.#logger);
    const { signer } = known;
    if (signer?.isFromFiles) throw keyOfFilesMissing(signer);
    const root = known
      .believedRoots(Date.now())
      .find((one) => one.encryptedKey !== undefined && (!signer || one.id === signer.parentId));
    if (!root) return this.replaceRoot(known, writer);
    const id = await this.#addIntermediate(writer, root, true);
    if (!signer) return; // the first start since the root signed every leaf itself
    this.#logger.error(
      { ended: new Date(signer.notAfterMs).toISOString() },
      "the signing intermediate had ended; another one takes its place",
    );
    await writer.retire(signer.id);
    const { rotation } = known;
    if (rotation?.fromAuthorityId === signer.id) {
      await writer.changeRotation(rotation.id, { fromAuthorityId: id });
    } else if (rotation?.toAuthorityId === signer.id) {
      await writer.changeRotation(rotation.id, { toAuthorityId: id });
    }
  }

  /** Another root at once; all others, and a rotation between them, are over. */
  async replaceRoot(known: KnownAuthorities, writer: AuthorityWriter): Promise<void> {
    if (this.#files) {
      throw new AuthorityConflictError("the authority comes from files: give another one there");
    }
    const before = known.all.filter((one) => one.retiredAtMs === undefined);
    if (before.length > 0) {
      this.#logger.error(
        "the mesh gets a new root without overlap: proxies that are not connected have to join again",
      );
    }
    const { rotation } = known;
    if (rotation) {
      await writer.changeRotation(rotation.id, { step: "aborted", finishedAtMs: Date.now() });
    }
    for (const one of before) {
      await writer.retire(one.id);
      await writer.destroyKey(one.id);
    }
    await this.#addRoot(writer, true);
  }

  /** Makes the successor and writes down that it is to come. Throws `AuthorityConflictError`. */
  async startRotation(
    known: KnownAuthorities,
    of: RotationOf,
    { by: startedBy, isStepwise, reason }: RotationWish,
    writer: AuthorityWriter,
  ): Promise<void> {
    refuseSecondRotation(known.rotation);
    const from = known.signer;
    const root = from && known.rootOf(from);
    if (!from || !root) throw new AuthorityConflictError("no authority signs; rescue it first");
    if (from.isFromFiles || this.#files) {
      throw new AuthorityConflictError(
        "the authority comes from files: put both roots into HEDDLE_CA_ROOT_FILE and start the control plane, then the new certificate and key, then leave the old root out (docs/identity.md)",
      );
    }
    const toId =
      of === "root"
        ? await this.#addRoot(writer, false)
        : await this.#addIntermediate(writer, root, true);
    await writer.startRotation({
      of,
      step: firstStep(of),
      isStepwise,
      fromAuthorityId: from.id,
      toAuthorityId: toId,
      startedBy,
      reason,
    });
  }

  /** A root and its first intermediate; returns the latter's number. */
  async #addRoot(writer: AuthorityWriter, isSigning: boolean): Promise<number> {
    const { trustDomain, caRootTtlSeconds } = this.#settings;
    const root = await makeRoot(trustDomain, caRootTtlSeconds * 1000);
    const id = await writer.add(this.#sealed(root));
    const certificate = new x509.X509Certificate(root.certificatePem);
    const issuer = { certificate, key: await importKey(root.privateKey) };
    return this.#addUnder(writer, id, issuer, isSigning);
  }

  async #addIntermediate(
    writer: AuthorityWriter,
    root: KnownAuthority,
    isSigning: boolean,
  ): Promise<number> {
    const key = await this.#keyOf(root);
    if (!key) throw new AuthorityConflictError("the root's key is not here");
    return this.#addUnder(writer, root.id, { certificate: root.certificate, key }, isSigning);
  }

  async #addUnder(
    writer: AuthorityWriter,
    parentId: number,
    root: Issuer,
    isSigning: boolean,
  ): Promise<number> {
    const { trustDomain, caIntermediateTtlSeconds } = this.#settings;
    const made = await makeIntermediate(root, trustDomain, caIntermediateTtlSeconds * 1000);
    return writer.add({ ...this.#sealed(made), parentId, isSigning });
  }

  #sealed({ certificatePem, privateKey }: MadeAuthority) {
    return { certificatePem, encryptedKey: sealKey(privateKey, this.#settings.caSecret) };
  }
}

function refuseSecondRotation(rotation: StoredRotation | undefined): void {
  if (!rotation) return;
  throw new AuthorityConflictError(
    `a rotation of the ${rotation.of} is under way (${rotation.step}); one at a time`,
  );
}
