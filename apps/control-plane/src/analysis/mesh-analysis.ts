import {
  type Analysis,
  type AnalysisFile,
  analyzeInSteps,
  type LiveRegistry,
  readSources,
  type SourceDocument,
} from "@heddle/resources";
import { Breather } from "../preview/breather.ts";
import type { ConfigSnapshot, MeshDocument } from "../snapshot/config-snapshot.ts";
import type { KnownInstances } from "../study/known-instances.ts";
import { describeRegistry } from "./describe-registry.ts";

/** Consoles ask often, and many at once. */
const REMEMBERED_MS = 2000;

type Remembered = {
  readonly revision: number;
  readonly atMs: number;
  readonly answer: Promise<Analysis>;
};

/** Who sent plaintext to whom within the last hour; `undefined`: it cannot be read now. */
export type FindPlaintext = (nowMs: number) => Promise<LiveRegistry["plaintextCallers"]>;

/** Looks for mistakes in the mesh's documents, and in files against what is in the mesh. */
export class MeshAnalysis {
  readonly #mesh: { readonly snapshot: ConfigSnapshot };
  readonly #instances: KnownInstances;
  readonly #findPlaintext: FindPlaintext;
  /** A document is parsed once for as long as it stands. */
  readonly #sources = new WeakMap<MeshDocument, readonly SourceDocument[]>();
  #last: Remembered | undefined;

  constructor(
    mesh: { readonly snapshot: ConfigSnapshot },
    instances: KnownInstances,
    findPlaintext: FindPlaintext = async () => undefined,
  ) {
    this.#mesh = mesh;
    this.#instances = instances;
    this.#findPlaintext = findPlaintext;
  }

  /** Of the documents as they stand; up to 2 s old while no revision is made. */
  async ofMesh(nowMs: number): Promise<Analysis & { readonly revision: number }> {
    const { revision } = this.#mesh.snapshot;
    const last = this.#last;
    if (last?.revision === revision && nowMs - last.atMs < REMEMBERED_MS) {
      return { revision, ...(await last.answer) };
    }
    const breather = new Breather(); // several may wait for the answer: nobody ends it alone
    const answer = this.#read(breather).then(async (subjects) => {
      const registry = await this.#describe(nowMs);
      return breather.finish(analyzeInSteps({ files: [], subjects, registry, nowMs }));
    });
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
    breather: Breather = new Breather(),
  ): Promise<Analysis & { readonly revision: number }> {
    const { revision } = this.#mesh.snapshot;
    const around = await this.#read(breather);
    const registry = await this.#describe(nowMs);
    const steps = analyzeInSteps({ files, around, registry, namespace, nowMs });
    return { revision, ...(await breather.finish(steps)) };
  }

  async #describe(nowMs: number): Promise<LiveRegistry> {
    const registry = describeRegistry(this.#instances);
    const plaintextCallers = await this.#findPlaintext(nowMs);
    return plaintextCallers === undefined ? registry : { ...registry, plaintextCallers };
  }

  async #read(breather: Breather): Promise<SourceDocument[]> {
    const all: SourceDocument[] = [];
    for (const document of this.#mesh.snapshot.all) {
      let sources = this.#sources.get(document);
      if (!sources) {
        sources = readSources(document.yaml).documents;
        this.#sources.set(document, sources);
        await breather.breathe();
      }
      all.push(...sources);
    }
    return all;
  }
}
