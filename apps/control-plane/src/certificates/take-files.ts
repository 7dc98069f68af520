import { createHash, type X509Certificate } from "node:crypto";
import { InvalidConfigError, type Logger } from "@heddle/runtime";
import { type AuthorityWriter, type ConfigDb, findRotationMembers } from "@heddle/store";
import type { AuthorityFiles } from "./authority-files.ts";
import { type KnownAuthorities, type KnownAuthority, rootHashOf } from "./known-authorities.ts";

/** Whether what the files give is not yet what the database holds. */
export function needsFiles(known: KnownAuthorities, files: AuthorityFiles): boolean {
  if (files.roots.some((root) => !findByCertificate(known, root))) return true;
  if (staleRoots(known, files).length > 0) return true;
  const given = findByCertificate(known, files.chain[0]);
  return !given || (!given.isSigning && known.rotation === undefined);
}

/**
 * Makes the authority of the files the mesh's: at once in a mesh that has none or an ended one, else by a
 * rotation, as if it had been made here.
 */
export async function takeFiles(
  known: KnownAuthorities,
  files: AuthorityFiles,
  writer: AuthorityWriter,
  logger: Logger,
): Promise<void> {
  const rootIds = new Map<string, number>();
  for (const root of files.roots) {
    const id =
      findByCertificate(known, root)?.id ??
      (await writer.add({
        certificatePem: pemOf(root),
        encryptedKey: undefined,
        isFromFiles: true,
      }));
    rootIds.set(fingerprintHex(root.raw), id);
  }
  for (const root of staleRoots(known, files)) await writer.retire(root.id);
  const nowMs = Date.now();
  const { signer } = known;
  const isFirst = !signer || signer.notAfterMs <= nowMs;
  const toId = await intermediateOf(known, files, rootIds, writer);
  if (isFirst) return writer.sign(toId);
  if (signer.id === toId || known.rotation) return;
  const anchorId = rootIds.get(fingerprintHex(files.anchor.raw));
  const of = signer.parentId === anchorId ? "intermediate" : "root";
  // an older key that is not here any more cannot sign while the new root goes out
  const step = of === "intermediate" || signer.encryptedKey === undefined ? "signing" : "trusting";
  if (step === "signing") await writer.sign(toId);
  await writer.startRotation({
    of,
    step,
    isStepwise: false,
    fromAuthorityId: signer.id,
    toAuthorityId: toId,
    startedBy: "heddle",
    reason: "another authority was given from files",
  });
  logger.info({ of, step }, "the authority from files takes the place of the one before");
}

/**
 * Throws `InvalidConfigError` when the files' signing would not be believed: the old key is gone, and some
 * proxies have not heard of the new root.
 */
export async function checkHandover(
  db: ConfigDb,
  known: KnownAuthorities,
  files: AuthorityFiles | undefined,
): Promise<void> {
  const { signer } = known;
  if (!signer?.isFromFiles || signer.notAfterMs <= Date.now() || known.rotation) return;
  if (!files) throw keyOfFilesMissing(signer);
  const root = findByCertificate(known, files.anchor);
  if (root?.id === signer.parentId) return;
  const advice =
    "start first with the old certificate and key and both roots in HEDDLE_CA_ROOT_FILE, and wait until every proxy has connected";
  if (!root) {
    throw new InvalidConfigError(
      `HEDDLE_CA_CERT_FILE: is of a root that no proxy has heard of yet; ${advice}`,
    );
  }
  const question = { kind: "believes", rootHash: rootHashOf(root) } as const;
  const members = await findRotationMembers(db, question, Date.now());
  const behind = members.filter(({ isDone }) => !isDone).map(({ name }) => name);
  if (behind.length === 0) return;
  throw new InvalidConfigError(
    `HEDDLE_CA_CERT_FILE: is of a root that ${behind.length} of ${members.length} proxies do not believe yet (${behind.slice(0, 5).join(", ")}); ${advice}`,
  );
}

/** The mesh lives by files that are not given any more. */
export function keyOfFilesMissing(signer: KnownAuthority): InvalidConfigError {
  return new InvalidConfigError(
    `HEDDLE_CA_CERT_FILE: required: this mesh's certificates are signed by ${signer.certificate.subject}, which was given from files; give HEDDLE_CA_CERT_FILE, HEDDLE_CA_KEY_FILE and HEDDLE_CA_ROOT_FILE again`,
  );
}

export function findByCertificate(
  known: KnownAuthorities,
  certificate: X509Certificate | undefined,
): KnownAuthority | undefined {
  if (!certificate) return undefined;
  const fingerprint = fingerprintHex(certificate.raw);
  return known.all.find((one) => one.fingerprint === fingerprint);
}

export function fingerprintHex(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}

async function intermediateOf(
  known: KnownAuthorities,
  files: AuthorityFiles,
  rootIds: ReadonlyMap<string, number>,
  writer: AuthorityWriter,
): Promise<number> {
  const there = findByCertificate(known, files.chain[0]);
  if (there) return there.id;
  const parentId = rootIds.get(fingerprintHex(files.anchor.raw));
  return writer.add({
    certificatePem: files.chain.map(pemOf).join(""),
    encryptedKey: undefined,
    isFromFiles: true,
    ...(parentId === undefined ? {} : { parentId }),
  });
}

/** Believed roots that came from files and are not among them any more. */
function staleRoots(known: KnownAuthorities, files: AuthorityFiles): KnownAuthority[] {
  if (known.rotation) return []; // it decides itself when a root goes
  const given = new Set(files.roots.map((root) => fingerprintHex(root.raw)));
  return known.all.filter(
    (one) =>
      one.parentId === undefined &&
      one.isFromFiles &&
      one.isTrusted &&
      one.id !== known.signer?.parentId &&
      !given.has(one.fingerprint),
  );
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString().trimEnd()}\n`;
}
