import { formatRef } from "@heddle/resources";
import { LOSS_WINDOW_MS } from "../registry/loss-guard.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import type { SourceContent, SourceDocument, SourceFault } from "./source-content.ts";
import type { SourceKeeper, SourceKind } from "./source-keeper.ts";
import { findSourceLosses } from "./source-losses.ts";
import { type Reading, type ServiceLoss, takeReading } from "./take-reading.ts";

export type SourceTakerParts = {
  readonly keeper: SourceKeeper;
  readonly config: MeshConfig;
  readonly mesh: MeshView;
  /** Whether a proxy sends requests to the service, as far as is known here. */
  readonly isUsed: (serviceKey: string) => boolean;
  readonly maxLossPercent: number;
  /** Names this control plane. */
  readonly readBy: string;
};

/** Makes what a source says hold, as far as it is sound and takes nobody's endpoints unasked. */
export class SourceTaker {
  readonly #parts: SourceTakerParts;
  /** Endpoints taken out of services by sources, with the times. */
  readonly #justGone = new Map<string, { readonly atMs: number; readonly count: number }[]>();

  constructor(parts: SourceTakerParts) {
    this.#parts = parts;
  }

  async take(name: string, kind: SourceKind, said: Reading): Promise<void> {
    const { keeper, isUsed, maxLossPercent, readBy } = this.#parts;
    const nowMs = Date.now();
    let gone: readonly ServiceLoss[] = [];
    await keeper.change(name, kind, (before) => {
      const reading = this.#checked(name, said, before);
      const after = takeReading(before, reading, {
        weigh: (_, next) => this.#weigh(name, next),
        isUsed,
        justGone: (service) => this.#countGone(service, nowMs),
        maxLossPercent,
        nowMs,
      });
      gone = this.#weigh(name, after.documents);
      return { ...after, readBy };
    });
    for (const { service, before, after } of gone) {
      if (after >= before) continue;
      const known = this.#justGone.get(service) ?? [];
      this.#justGone.set(service, [...known, { atMs: nowMs, count: before - after }]);
    }
  }

  #weigh(name: string, next: readonly SourceDocument[]): ServiceLoss[] {
    const { keeper, mesh } = this.#parts;
    const documents = keeper.documentsWith(name, next);
    return findSourceLosses(mesh, documents, ({ origin }) => origin?.source === name);
  }

  #countGone(service: string, nowMs: number): number {
    const recent = (this.#justGone.get(service) ?? []).filter(
      ({ atMs }) => atMs > nowMs - LOSS_WINDOW_MS,
    );
    if (recent.length === 0) this.#justGone.delete(service);
    else this.#justGone.set(service, recent);
    return recent.reduce((sum, { count }) => sum + count, 0);
  }

  /** What would be refused if somebody applied it stays as it was, and is a fault. */
  #checked(name: string, reading: Reading, before: SourceContent): Reading {
    const { documents } = reading;
    if (documents === undefined) return reading;
    const known = new Map(before.documents.map((one) => [formatRef(one), one]));
    const changed = documents.filter((one) => known.get(formatRef(one))?.yaml !== one.yaml);
    const isSame = changed.length === 0 && documents.length === before.documents.length;
    if (isSame) return reading;
    const faults = this.#findFaults(name, documents, changed);
    if (faults.length === 0) return reading;
    const byRef = new Map(documents.map((one) => [formatRef(one), one]));
    const refused = new Set<string>();
    const told = faults.map(({ field, message }): SourceFault => {
      const ref = field.split(":")[0] ?? "";
      const { file, line } = byRef.get(ref) ?? {};
      refused.add(ref);
      return {
        ...(file === undefined ? {} : { file }),
        ...(line === undefined ? {} : { line }),
        message: `${field}: ${message}`,
      };
    });
    const sound = documents.flatMap((one) => {
      const ref = formatRef(one);
      return refused.has(ref) ? (known.get(ref) ?? []) : [one];
    });
    const isSound = this.#findFaults(name, sound, changed).length === 0;
    return {
      ...reading,
      documents: isSound ? sound : before.documents, // documents applied by people would not run with the rest
      faults: [...reading.faults, ...told],
    };
  }

  #findFaults(
    name: string,
    documents: readonly SourceDocument[],
    changed: readonly SourceDocument[],
  ) {
    const { keeper, config } = this.#parts;
    const sourced = keeper.documentsWith(name, documents);
    return config.checkSourced(sourced, new Set(changed.map(formatRef)));
  }
}
