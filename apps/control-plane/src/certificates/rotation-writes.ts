import { factsOfStep, isFinished, type Rotation } from "@heddle/mesh";
import type { AuthorityWriter, StoredRotation } from "@heddle/store";
import type { KnownAuthorities, KnownAuthority } from "./known-authorities.ts";

/** Writes down what a rotation has become, and with it who is believed and who signs. */
export async function writeRotation(
  known: KnownAuthorities,
  rotation: StoredRotation,
  next: Rotation,
  writer: AuthorityWriter,
): Promise<void> {
  const hasMoved = next.step !== rotation.step;
  await writer.changeRotation(rotation.id, {
    ...(hasMoved ? { step: next.step } : {}),
    ...(hasMoved && isFinished(next) ? { finishedAtMs: Date.now() } : {}),
    isStepwise: next.isStepwise,
    isPaused: next.isPaused,
  });
  if (hasMoved) await writeStep(known, rotation, next, writer);
}

async function writeStep(
  known: KnownAuthorities,
  { fromAuthorityId, toAuthorityId }: StoredRotation,
  { of, step }: Rotation,
  writer: AuthorityWriter,
): Promise<void> {
  const facts = factsOfStep(step);
  await writer.sign(facts.signer === "old" ? fromAuthorityId : toAuthorityId);
  const from = known.find(fromAuthorityId);
  const to = known.find(toAuthorityId);
  if (of === "root") {
    const [oldRoot, newRoot] = [from && known.rootOf(from), to && known.rootOf(to)];
    if (oldRoot) await writer.trust(oldRoot.id, facts.believesOld);
    if (newRoot) await writer.trust(newRoot.id, facts.believesNew);
  }
  const left = step === "done" ? from : step === "aborted" ? to : undefined;
  if (left) await retire(known, left, of === "root", writer);
}

/**
 * What a finished rotation leaves behind signs nothing more. A root's intermediates keep their keys for a while:
 * to those who were away, the control plane shows itself by the root they know.
 */
async function retire(
  known: KnownAuthorities,
  left: KnownAuthority,
  withRoot: boolean,
  writer: AuthorityWriter,
): Promise<void> {
  const root = known.rootOf(left);
  if (!withRoot || !root) {
    await writer.retire(left.id);
    await writer.destroyKey(left.id);
    return;
  }
  await writer.retire(root.id);
  await writer.destroyKey(root.id);
  for (const one of known.intermediatesOf(root)) await writer.retire(one.id);
}
