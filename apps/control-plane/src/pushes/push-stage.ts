import type { ProxyPushStage, PushRef } from "@heddle/contracts";
import { chooseFirst } from "@heddle/mesh";
import type { PushStep, StoredPush } from "@heddle/store";
import { workloadKeyOf } from "../registry/instance.ts";
import type { Registry } from "../registry/registry.ts";
import type { ChangeRequest, PlannedDocument } from "../revisions/change-request.ts";
import { parseOne } from "../revisions/parse-one.ts";
import {
  type ConfigSnapshot,
  compileSnapshot,
  type MeshDocument,
} from "../snapshot/config-snapshot.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import type { StagedMeshView } from "../snapshot/staged-mesh-view.ts";
import type { PendingDelivery, StreamHub } from "../stream/hub.ts";
import type { ProxySession } from "../stream/proxy-session.ts";
import { keyOf, type PushSettings, planPush } from "./plan-push.ts";

type StageParts = {
  readonly mesh: StagedMeshView;
  readonly hub: StreamHub;
  readonly registry: Registry;
  readonly settings: PushSettings;
};

/**
 * Who runs what at this control plane while a canaried push runs: the first proxies follow the mesh as it is
 * configured, all others as it was before. Which push runs is told by the database; nothing here waits for it.
 */
export class PushStage {
  readonly #parts: StageParts;
  #running: StoredPush | undefined;
  readonly #first = new Set<string>();
  /** In what the two pictures differ, until the mesh is another one. */
  #differing:
    | { readonly former: MeshView; readonly generation: number; readonly keys: ReadonlySet<string> }
    | undefined;
  /** The change is new to this control plane: some of its proxies are to have it. */
  #shallChoose = false;

  constructor(parts: StageParts) {
    this.#parts = parts;
  }

  get running(): StoredPush | undefined {
    return this.#running;
  }

  /** Of the proxies that have ever been connected here, and of those others have told of. */
  get first(): ReadonlySet<string> {
    return this.#first;
  }

  /** The picture of the mesh that a proxy follows. */
  pictureOf(proxyId: string): MeshView {
    const { mesh } = this.#parts;
    return this.#first.has(proxyId) ? mesh : (mesh.former ?? mesh);
  }

  /** By proxy, of those connected here that the push concerns. */
  stages(): ReadonlyMap<string, ProxyPushStage> {
    const id = this.#running?.id;
    if (id === undefined) return new Map();
    return new Map(
      [...this.concerned()].map(({ proxyId }) => {
        const stage = this.#first.has(proxyId) ? "first" : "held-back";
        return [proxyId, { id, stage }] as const;
      }),
    );
  }

  /** Of a change that was just published, if others wait for it. */
  refOf(revision: number): PushRef | undefined {
    const running = this.#running;
    if (!running?.revisions.includes(revision)) return undefined;
    const concerned = this.concerned();
    const first = [...concerned].filter(({ proxyId }) => this.#first.has(proxyId)).length;
    return { id: running.id, first, heldBack: concerned.size - first };
  }

  /** What a change would do to canaried pushes, its documents being compiled to `candidate`. */
  plan(
    request: ChangeRequest,
    planned: readonly PlannedDocument[],
    candidate: ConfigSnapshot,
  ): PushStep | undefined {
    const { mesh, hub, registry, settings } = this.#parts;
    const connected = [...registry.proxies()].filter(({ isConnected }) => isConnected).length;
    const concerned = () => {
      const here = hub.concernedBy(differingKeys(mesh, candidate)).size;
      // Whom the others' proxies call is not known here: it is taken that they are like one's own.
      return hub.size === 0 ? connected : Math.round((here * connected) / hub.size);
    };
    return planPush(request, planned, {
      snapshot: mesh.snapshot,
      running: this.#running,
      reach: { connected, concerned: once(concerned) },
      settings,
    });
  }

  /** A revision was written with this step; `publish` follows. */
  noteCommitted(step: PushStep | undefined, revision: number, startedBy: string): void {
    if (step?.kind === "begin") {
      const ends = { endedAtMs: undefined, endedBy: undefined, endRevision: undefined };
      const begun = { status: "running", revisions: [revision], startedBy, words: "" };
      this.note({ ...step.push, ...begun, ...ends, startedAtMs: Date.now(), outcome: undefined });
    } else if (step?.kind === "join" && this.#running) {
      const revisions = [...this.#running.revisions, revision];
      this.note({ ...this.#running, revisions, held: step.held });
    } else if (step?.kind === "end") this.note(undefined);
  }

  /** This push runs, as the database has it; `undefined`: none does. `publish` or `settle` follows. */
  note(running: StoredPush | undefined): void {
    const before = this.#running;
    if (running && before?.revisions.length !== running.revisions.length) this.#shallChoose = true;
    if (before?.id !== running?.id) this.#first.clear();
    this.#running = running;
  }

  /** Makes a snapshot the one in force, and pushes it: to the first proxies alone what is held back from the others. */
  publish(snapshot: ConfigSnapshot): PendingDelivery {
    const { mesh, hub } = this.#parts;
    const running = this.#running;
    if (!running) {
      const keys = mesh.replaceSnapshot(snapshot);
      return mesh.former === undefined ? hub.publish(keys) : this.#unite();
    }
    const shown = mesh.showFormer(this.#formerOf(snapshot, running));
    const keys = shown.union(mesh.replaceSnapshot(snapshot));
    this.#chooseOnce();
    return hub.publish(keys);
  }

  /** No change, but the push that runs may be another one, or none: pushes what that means. */
  settle(): PendingDelivery | undefined {
    const { mesh } = this.#parts;
    if (this.#running) return this.publish(mesh.snapshot);
    return mesh.former === undefined ? undefined : this.#unite();
  }

  /** Others have told of first proxies: those that are connected here get what is theirs. */
  adoptFirst(proxyIds: Iterable<string>): void {
    const { hub } = this.#parts;
    if (!this.#running) return;
    const added = [...proxyIds].filter((id) => !this.#first.has(id));
    for (const id of added) this.#first.add(id);
    const sessions = added.flatMap((id) => hub.find(id) ?? []);
    if (sessions.length > 0) hub.publishTo(new Set(sessions));
  }

  /** A control plane that was killed may have told nobody who was first. */
  chooseIfNone(): void {
    if (this.#first.size > 0) return;
    this.#shallChoose = true;
    const chosen = this.#chooseOnce();
    const sessions = [...chosen].flatMap((id) => this.#parts.hub.find(id) ?? []);
    if (sessions.length > 0) this.#parts.hub.publishTo(new Set(sessions));
  }

  /** The proxies connected here that run something else before the push than after it. */
  concerned(): ReadonlySet<ProxySession> {
    const { mesh, hub } = this.#parts;
    const { former, generation } = mesh;
    if (!former) return new Set();
    const known = this.#differing;
    const isKnown = known?.former === former && known.generation === generation;
    const keys = isKnown ? known.keys : differingKeys(former, mesh.snapshot);
    this.#differing = { former, generation, keys };
    return hub.concernedBy(keys);
  }

  #chooseOnce(): ReadonlySet<string> {
    if (!this.#shallChoose || !this.#running) return new Set();
    this.#shallChoose = false;
    const { registry } = this.#parts;
    const candidates = [...this.concerned()]
      .filter(({ refused }) => refused.length === 0) // who refuses something already tells nothing of this
      .map(({ proxyId }) => {
        const workloads = registry.instancesOfProxy(proxyId).map(workloadKeyOf);
        return { proxyId, workloads: [...new Set(workloads)] };
      });
    const chosen = chooseFirst(candidates, this.#running.id);
    for (const id of chosen) this.#first.add(id);
    return chosen;
  }

  /** All run the same again. */
  #unite(): PendingDelivery {
    const { mesh, hub } = this.#parts;
    mesh.dropFormer();
    this.#first.clear();
    return hub.publishTo(new Set(hub.sessions()));
  }

  /** The documents of `snapshot` without those of the push. */
  #formerOf(snapshot: ConfigSnapshot, { held, revisions }: StoredPush): ConfigSnapshot {
    const { mesh } = this.#parts;
    const { former = mesh } = mesh;
    const documents = new Map(snapshot.documents);
    for (const one of held) {
      const key = keyOf(one);
      const { yaml, ...kept } = one;
      if (yaml === undefined) {
        documents.delete(key);
        continue;
      }
      const known = former.snapshot.documents.get(key);
      const isKnown = known?.revision === one.revision && known.yaml === yaml;
      documents.set(key, isKnown ? known : { ...kept, yaml, resource: parseOne(yaml).resource });
    }
    const { sourced } = snapshot;
    const isKept = isSame(documents, former.snapshot.documents);
    if (isKept && sourced === former.snapshot.sourced) return former.snapshot;
    return compileSnapshot((revisions[0] ?? 1) - 1, documents, former.snapshot, sourced);
  }
}

function isSame(
  one: ReadonlyMap<string, MeshDocument>,
  other: ReadonlyMap<string, MeshDocument>,
): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}

/** Keys of the resources that another snapshot would change, worked out at once. */
function differingKeys(mesh: MeshView, next: ConfigSnapshot): ReadonlySet<string> {
  const steps = mesh.foresee(next);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value.keys;
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
