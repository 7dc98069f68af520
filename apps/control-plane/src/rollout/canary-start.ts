import { formatId } from "@heddle/mesh";
import { formatRef, parseResources } from "@heddle/resources";
import { type ConfigDb, findDocumentHistory } from "@heddle/store";
import { type FoundCanary, findCanaryIn } from "./find-canary.ts";

/** Since when this pair of versions is under judgement, and who began it. */
export type CanaryStart = { readonly startedAtMs: number; readonly startedBy: string };

const MAX_LOOKED_AT = 200;

/** Finds the revision since which a VirtualService has split between the same two subsets. */
export class CanaryStarts {
  readonly #db: ConfigDb;
  /** By document; an entry holds while the document keeps its pair. */
  readonly #known = new Map<string, { pair: string; start: CanaryStart }>();

  constructor(db: ConfigDb) {
    this.#db = db;
  }

  async find(found: FoundCanary): Promise<CanaryStart> {
    const key = `${formatRef(found.document.resource)} ${formatId(found.service)}`;
    const pair = pairOf(found);
    const known = this.#known.get(key);
    if (known?.pair === pair) return known.start;
    const start = await this.#search(found, pair);
    this.#known.set(key, { pair, start });
    return start;
  }

  async #search(found: FoundCanary, pair: string): Promise<CanaryStart> {
    const { kind, namespace, name } = found.document.resource;
    const history = await findDocumentHistory(this.#db, { kind, namespace, name }, MAX_LOOKED_AT);
    let start: CanaryStart = { startedAtMs: found.document.updatedAtMs, startedBy: "unknown" };
    for (const { after, createdAtMs, author } of history) {
      const then = after === undefined ? undefined : this.#canaryOf(found, after);
      if (!then || pairOf(then) !== pair) break;
      start = { startedAtMs: createdAtMs, startedBy: author };
    }
    return start;
  }

  #canaryOf(found: FoundCanary, yaml: string): FoundCanary | undefined {
    const parsed = parseResources(yaml);
    const [only] = parsed.ok ? parsed.resources : []; // what was taken once may be refused today
    return only && findCanaryIn({ ...found.document, ...only }, found.service);
  }
}

function pairOf({ stable, canary }: FoundCanary): string {
  return `${stable.subset} ${canary.subset}`;
}
