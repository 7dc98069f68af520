import type { ResourceKind, RevisionRestoreRequest } from "@heddle/contracts";
import { type ConfigDb, findDocumentsAt, findRevision, type PastDocument } from "@heddle/store";
import { NotFoundError } from "../revisions/change-errors.ts";
import type { ChangeRequest } from "../revisions/change-request.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import { planNamed, planWholeMesh, toPlanned } from "./plan-restore.ts";

type HistoryParts = { readonly db: ConfigDb; readonly config: Pick<MeshConfig, "snapshot"> };

/** What going back to a state is: its words and its plan. */
export type WayBack = Pick<ChangeRequest, "plan" | "summary"> & {
  /** The state is the one right after this revision; 0: before the first. */
  readonly state: number;
  readonly restoredRevision: number | undefined;
};

/** The way to a revision's state, or to that of its own documents alone. Throws `NotFoundError`. */
export async function wayTo(
  parts: HistoryParts,
  revision: number,
  { scope = "mesh", side = "after" }: Pick<RevisionRestoreRequest, "scope" | "side">,
): Promise<WayBack> {
  const state = side === "after" ? revision : revision - 1;
  if (scope === "mesh" && side === "after") {
    const summary = `Restored revision ${revision}`;
    return wayToMesh(parts, state, { summary, restoredRevision: revision });
  }
  const found = await findRevision(parts.db, revision);
  if (!found) throw new NotFoundError(`there is no revision ${revision}`);
  if (scope === "mesh") {
    const summary = `Restored to before revision ${revision}`;
    return wayToMesh(parts, state, { summary, restoredRevision: state > 0 ? state : undefined });
  }
  const named = found.resources.map(({ kind, namespace, name }) => {
    return { kind: kind as ResourceKind, namespace, name }; // only documents of these kinds are ever stored
  });
  // The revision's own texts, not the state before by number: they are what it was made against.
  const past = found.changes.flatMap((one): PastDocument[] => {
    const yaml = side === "after" ? one.after : one.before;
    return yaml === undefined ? [] : [{ ...one, yaml, createdAtMs: found.createdAtMs }];
  });
  const births = new Map((await stateOf(parts, state)).map((one) => [keyOf(one), one.createdAtMs]));
  const documents = toPlanned(
    past.map((one) => ({ ...one, createdAtMs: births.get(keyOf(one)) ?? one.createdAtMs })),
    parts.config.snapshot,
  );
  return {
    state,
    restoredRevision: side === "after" ? revision : undefined,
    summary:
      side === "after"
        ? `Restored the documents of revision ${revision}`
        : `Took back revision ${revision}`,
    plan: () => planNamed(named, documents),
  };
}

/** The way to the whole mesh as it stood right after a revision. Throws `NotFoundError`. */
export async function wayToMesh(
  parts: HistoryParts,
  state: number,
  words: Pick<WayBack, "summary" | "restoredRevision">,
): Promise<WayBack> {
  const documents = toPlanned(await stateOf(parts, state), parts.config.snapshot);
  const { summary, restoredRevision } = words;
  const plan: WayBack["plan"] = (snapshot) => planWholeMesh(snapshot, documents);
  return { state, restoredRevision, plan, ...(summary === undefined ? {} : { summary }) };
}

/** Every document as it stood right after a revision; none before the first. */
export async function stateOf(
  { db }: HistoryParts,
  revision: number,
): Promise<readonly PastDocument[]> {
  if (revision === 0) return [];
  const past = await findDocumentsAt(db, revision);
  if (!past) throw new NotFoundError(`there is no revision ${revision}`);
  return past;
}

function keyOf({ kind, namespace, name }: Pick<PastDocument, "kind" | "namespace" | "name">) {
  return `${kind} ${namespace}/${name}`;
}
