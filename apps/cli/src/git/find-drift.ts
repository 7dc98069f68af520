import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DriftedDocument, ResourceDocument } from "@heddle/contracts";
import { formatRef } from "@heddle/resources";
import { fileOf } from "./document-files.ts";
import type { GitFolder } from "./git.ts";
import type { CommittedTree } from "./read-tree.ts";

type Touch = { readonly commit: string; readonly revision: number | undefined };

/** The documents that differ between the newest commit and the mesh, by reference. */
export async function findDrift(
  folder: GitFolder,
  tree: CommittedTree,
  mesh: readonly ResourceDocument[],
): Promise<DriftedDocument[]> {
  const present = new Map(mesh.map((one) => [formatRef(one), one]));
  const refs = [...new Set([...tree.documents.keys(), ...present.keys()])].sort();
  const drifted: DriftedDocument[] = [];
  for (const ref of refs) {
    const [inGit, inMesh] = [tree.documents.get(ref), present.get(ref)];
    const named = inMesh ?? inGit?.resource;
    if (named === undefined || inGit?.yaml === inMesh?.yaml) continue;
    const { kind, namespace, name } = named;
    const file = inGit?.file ?? fileOf(named);
    const touches = await findTouches(folder, file);
    drifted.push({
      ...{ kind, namespace, name },
      in: inGit && inMesh ? "both" : inGit ? "git" : "mesh",
      newer: newerSide(touches, inMesh?.revision),
      ...(inMesh === undefined ? {} : { meshRevision: inMesh.revision }),
      ...(inGit === undefined || !touches[0] ? {} : { gitCommit: touches[0].commit }),
      diff: await diffOf(folder, inGit?.yaml ?? "", inMesh?.yaml ?? ""),
    });
  }
  return drifted;
}

/**
 * Commits an export made say at which revision both sides were the same; whoever changed since then is newer. In git
 * that is a newer commit without a revision, in the mesh a newer revision, or that the document is gone.
 */
export function newerSide(
  touches: readonly Touch[],
  meshRevision: number | undefined,
): DriftedDocument["newer"] {
  const shared = touches.find(({ revision }) => revision !== undefined)?.revision;
  if (touches.length === 0) return "mesh"; // git never had it
  if (shared === undefined) return meshRevision === undefined ? "git" : "unknown";
  const isNewInGit = touches[0]?.revision === undefined;
  const isNewInMesh = meshRevision === undefined || meshRevision > shared;
  if (isNewInGit && isNewInMesh) return "both";
  return isNewInGit ? "git" : "mesh";
}

/** The commits that touched a file, newest first. */
async function findTouches(folder: GitFolder, file: string): Promise<Touch[]> {
  const format = "--format=%H%x00%(trailers:key=Heddle-Revision,valueonly,separator=%x2C)%x01";
  const shown = await folder.run(["log", "-50", format, "--", file]);
  return shown.split("\u0001").flatMap((line) => {
    const [commit = "", revision = ""] = line.trim().split("\0");
    if (commit === "") return [];
    return [{ commit, revision: /^\d+$/.test(revision) ? Number(revision) : undefined }];
  });
}

/** Unified, without file header. */
async function diffOf(folder: GitFolder, git: string, mesh: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "heddle-drift-"));
  try {
    const files = [join(dir, "git"), join(dir, "mesh")] as const;
    writeFileSync(files[0], git);
    writeFileSync(files[1], mesh);
    const flags = ["--no-index", "--no-color", "--no-ext-diff"];
    const shown = await folder.run(["diff", ...flags, "--", ...files], { mayDiffer: true });
    return shown.slice(shown.indexOf("@@"));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
