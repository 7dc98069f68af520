import type { RegistryHold } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import { formatRef } from "@heddle/resources";
import {
  countEndpoints,
  type HoldAnswer,
  type HoldKeeper,
  serviceOfHold,
} from "../registry/registry-holds.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import type { SourceDocument, SourceHold } from "./source-content.ts";
import type { KnownSource, SourceKeeper } from "./source-keeper.ts";
import { confirmHold, dismissHold } from "./take-reading.ts";

/** What sources name no longer, and what stays because a service in use would lose too much by it. */
export class SourceHolds implements HoldKeeper {
  readonly #parts: {
    readonly keeper: SourceKeeper;
    readonly mesh: MeshView;
    readonly config: MeshConfig;
  };

  constructor(parts: {
    readonly keeper: SourceKeeper;
    readonly mesh: MeshView;
    readonly config: MeshConfig;
  }) {
    this.#parts = parts;
  }

  list(): RegistryHold[] {
    return this.#parts.keeper
      .list()
      .flatMap((source) => source.content.holds.map((hold) => this.#describe(source, hold)));
  }

  async confirm({ id, service, held, source }: RegistryHold, answer: HoldAnswer): Promise<number> {
    const { config } = this.#parts;
    const { revision } = await config.change({
      ...answer,
      kind: "registry",
      summary: `Let go ${countEndpoints(held.length)} of ${service} that ${source ?? "its source"} names no longer`,
      actsOn: [service],
      plan: () => [],
    });
    await this.#answer(id, (content) => confirmHold(content, id, Date.now()));
    return revision;
  }

  async dismiss({ id }: RegistryHold, { author }: HoldAnswer, nowMs: number): Promise<void> {
    await this.#answer(id, (content) => dismissHold(content, id, author, nowMs));
  }

  async #answer(id: string, change: Parameters<SourceKeeper["change"]>[2]): Promise<void> {
    const { keeper } = this.#parts;
    const source = keeper.list().find(({ content }) => content.holds.some((one) => one.id === id));
    if (source) await keeper.change(source.name, source.kind, change);
  }

  #describe({ name, content }: KnownSource, hold: SourceHold): RegistryHold {
    const { id, service, sinceMs, endpointsBefore, endpointsAfter } = hold;
    const { dismissedBy, dismissedAtMs } = hold;
    const isUnread =
      content.state === "failing" && content.documents.length > 0 && endpointsAfter === 0;
    const why = isUnread ? ` (${content.faults[0]?.message ?? "it fails"})` : "";
    return {
      id,
      service,
      cause: "source",
      source: name,
      sinceMs,
      endpointsBefore,
      endpointsAfter,
      held: this.#heldEndpoints(hold),
      words: `The source ${name} leaves ${endpointsAfter} of the ${countEndpoints(endpointsBefore)} of ${service}${why}. The others stay in use, since a source that is cut off looks the same; it ends by itself when they are named again. Confirm if they are really gone, dismiss to keep them.`,
      ...(dismissedBy === undefined || dismissedAtMs === undefined
        ? {}
        : { dismissed: { by: dismissedBy, atMs: dismissedAtMs } }),
    };
  }

  #heldEndpoints({ service, kept }: SourceHold): RegistryHold["held"] {
    const nexts = new Map(kept.map(({ ref, next }) => [ref, next]));
    return this.#parts.mesh.knownEndpoints(serviceOfHold({ service })).flatMap((known) => {
      const ref = known.document && formatRef(known.document.resource);
      if (ref === undefined || !nexts.has(ref)) return [];
      const { id, namespace, workload, address, port } = known.endpoint;
      if (names(nexts.get(ref), address)) return [];
      const name = formatId({ namespace, name: workload });
      return [{ id, workload: name, address: `${address}:${port}` }];
    });
  }
}

/** Whether the document as the source has it now names the address still. */
function names(next: SourceDocument | undefined, address: string): boolean {
  return next?.yaml.split(/[\s"']+/).includes(address) === true;
}
