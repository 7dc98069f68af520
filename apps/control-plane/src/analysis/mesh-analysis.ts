import { setImmediate } from "node:timers/promises";
import {
  type Analysis,
  type AnalysisFile,
  type AnalysisInput,
  analyzeInSteps,
  readSources,
  type SourceDocument,
} from "@heddle/resources";
import type { Registry } from "../registry/registry.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import type { MeshDocument } from "../snapshot/config-snapshot.ts";
import { describeRegistry } from "./describe-registry.ts";

/** So many documents are parsed before others get their turn: at some 0.5 ms each. */
const BATCH = 20;
const TURN_MS = 5;
/** Consoles ask often, and many at once. */
const REMEMBERED_MS = 2000;

type Remembered = {
  readonly revision: number;
  readonly atMs: number;
  readonly answer: Promise<Analysis>;
};

/** Looks for mistakes in the mesh's documents, and in files against what is in the mesh. */
export class MeshAnalysis {
  readonly #config: Pick<MeshConfig, "snapshot">;
  readonly #registry: Registry;
  /** A document is parsed once for as long as it stands. */
  readonly #sources = new WeakMap<MeshDocument, readonly SourceDocument[]>();
  #last: Remembered | undefined;

  constructor({
    config,
    registry,
  }: {
    readonly config: Pick<MeshConfig, "snapshot">;
    readonly registry: Registry;
  }) {
    this.#config = config;
    this.#registry = registry;
  }

  /** Of the documents as they stand; up to 2 s old while no revision is made. */
  async ofMesh(nowMs: number): Promise<Analysis & { readonly revision: number }> {
    const { revision } = this.#config.snapshot;
    const last = this.#last;
    if (last?.revision === revision && nowMs - last.atMs < REMEMBERED_MS) {
      return { revision, ...(await last.answer) };
    }
    const answer = this.#read().then((subjects) =>
      inTurns({ files: [], subjects, registry: describeRegistry(this.#registry), nowMs }),
    );
    this.#last = { revision, atMs: nowMs, answer };
    return { revision, ...(await answer) };
  }

  /**
   * Of the files, as if they were applied to the mesh as it is now. Documents among them that are in the
   * mesh already are told of as the files have them.
   */
  async ofFiles(
    files: readonly AnalysisFile[],
    { namespace, nowMs }: { readonly namespace?: string | undefined; readonly nowMs: number },
  ): Promise<Analysis & { readonly revision: number }> {
    const { revision } = this.#config.snapshot;
    const around = await this.#read();
    const registry = describeRegistry(this.#registry);
    return { revision, ...(await inTurns({ files, around, registry, namespace, nowMs })) };
  }

  async #read(): Promise<SourceDocument[]> {
    const all: SourceDocument[] = [];
    let parsed = 0;
    for (const document of this.#config.snapshot.documents.values()) {
      let sources = this.#sources.get(document);
      if (!sources) {
        sources = readSources(document.yaml).documents;
        this.#sources.set(document, sources);
        parsed += 1;
        if (parsed % BATCH === 0) await setImmediate();
      }
      all.push(...sources);
    }
    return all;
  }
}

/** Lets others have their turn whenever it has taken one of its own: streams and changes wait for nothing here. */
async function inTurns(input: AnalysisInput): Promise<Analysis> {
  const steps = analyzeInSteps(input);
  let turnEndsAt = performance.now() + TURN_MS;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() < turnEndsAt) continue;
    await setImmediate();
    turnEndsAt = performance.now() + TURN_MS;
  }
}
