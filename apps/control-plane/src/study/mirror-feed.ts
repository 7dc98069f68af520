import { setImmediate } from "node:timers/promises";
import type { StoredInstance } from "@heddle/store";
import type { ConfigSnapshot, MeshDocument } from "../snapshot/config-snapshot.ts";
import type { KnownInstances } from "./known-instances.ts";
import { type MirrorUpdate, mirrorKey } from "./messages.ts";

/** So many documents or instances are copied before others get their turn: some 2 ms. */
const BATCH = 100;

/** Tells a mirror what has changed of documents and registry since it was last told. One for each mirror. */
export class MirrorFeed {
  #documents = new Map<string, MeshDocument>();
  readonly #instances = new Map<string, StoredInstance>();
  readonly #send: (update: MirrorUpdate) => void;
  #line: Promise<unknown> = Promise.resolve();

  constructor(send: (update: MirrorUpdate) => void) {
    this.#send = send;
  }

  /** Resolves when the mirror has been sent all that differs; those who ask at once wait for each other. */
  bring(snapshot: ConfigSnapshot, registry: KnownInstances): Promise<void> {
    const turn = this.#line.then(() => this.#bring(snapshot, registry));
    this.#line = turn;
    return turn;
  }

  async #bring(
    { revision, documents: applied, sourced }: ConfigSnapshot,
    registry: KnownInstances,
  ): Promise<void> {
    const documents = new Map(
      [...applied.values(), ...sourced.values()].map((one) => [mirrorKey(one), one]),
    );
    const changed: MeshDocument[] = [];
    for (const [key, document] of documents) {
      if (this.#documents.get(key) !== document) changed.push(document);
    }
    const goneDocuments = [...this.#documents.keys()].filter((key) => !documents.has(key));
    this.#documents = documents;
    const { instances, goneInstances } = this.#changedInstances(registry);
    while (changed.length > BATCH || instances.length > BATCH) {
      this.#send({
        documents: changed.splice(0, BATCH),
        instances: instances.splice(0, BATCH),
        ...{ goneDocuments: [], goneInstances: [] },
      });
      await setImmediate();
    }
    this.#send({
      documents: changed,
      instances,
      goneDocuments,
      goneInstances,
      whole: { revision },
    });
  }

  #changedInstances(registry: KnownInstances) {
    const instances: StoredInstance[] = [];
    const now = new Set<string>();
    for (const instance of registry.instances()) {
      now.add(instance.instanceId);
      const before = this.#instances.get(instance.instanceId);
      if (before && isAlike(before, instance)) continue;
      this.#instances.set(instance.instanceId, instance);
      instances.push(instance);
    }
    const goneInstances = [...this.#instances.keys()].filter((id) => !now.has(id));
    for (const id of goneInstances) this.#instances.delete(id);
    return { instances, goneInstances };
  }
}

/** Leases are renewed all the time, and say nothing of what an instance is. */
function isAlike(one: StoredInstance, other: StoredInstance): boolean {
  if (one === other) return true;
  for (const key of Object.keys(other) as (keyof StoredInstance)[]) {
    if (key !== "leaseEndsAtMs" && one[key] !== other[key]) return false;
  }
  return true;
}
