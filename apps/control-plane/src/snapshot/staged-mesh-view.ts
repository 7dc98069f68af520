import type { ConfigSnapshot } from "./config-snapshot.ts";
import type { AuthorityTrust } from "./mesh-trust.ts";
import { MeshView } from "./mesh-view.ts";

/**
 * The mesh while some proxies are to run what was before a change: two pictures over one registry, which both follow
 * endpoints, names, trust and keys. What tells what differs tells it of both.
 */
export class StagedMeshView extends MeshView {
  #former: MeshView | undefined;

  /** What those run that do not have the change yet; `undefined`: all run the same. */
  get former(): MeshView | undefined {
    return this.#former;
  }

  /** From now on there is a former picture, with these documents. Returns the keys in which it differs from before. */
  showFormer(snapshot: ConfigSnapshot): Set<string> {
    this.#former ??= this.copy();
    return this.#former.replaceSnapshot(snapshot);
  }

  dropFormer(): void {
    this.#former = undefined;
    this.keySets?.want(this.snapshot.workloads.keySources);
  }

  override replaceSnapshot(next: ConfigSnapshot): Set<string> {
    const touched = super.replaceSnapshot(next);
    const former = this.#former?.snapshot.workloads.keySources ?? [];
    if (former.length > 0) this.keySets?.want([...next.workloads.keySources, ...former]);
    return touched;
  }

  override forgetEndpoints(serviceKeys: ReadonlySet<string>): Set<string> {
    const touched = super.forgetEndpoints(serviceKeys);
    return touched.union(this.#former?.forgetEndpoints(serviceKeys) ?? NONE);
  }

  override refreshNames(): Set<string> {
    const touched = super.refreshNames();
    return touched.union(this.#former?.refreshNames() ?? NONE);
  }

  override replaceTrust(authority: AuthorityTrust): Set<string> {
    const touched = super.replaceTrust(authority);
    return touched.union(this.#former?.replaceTrust(authority) ?? NONE);
  }

  override replaceKeys(): Set<string> {
    const touched = super.replaceKeys();
    return touched.union(this.#former?.replaceKeys() ?? NONE);
  }
}

const NONE: ReadonlySet<string> = new Set();
