import type { ServiceId } from "@heddle/mesh";
import { formatRef } from "@heddle/resources";
import type { StoredInstance } from "@heddle/store";
import { keyOfSource } from "../jwks/key-source.ts";
import { serviceKeyOf } from "../registry/instance.ts";
import { compileSnapshot, type MeshDocument } from "../snapshot/config-snapshot.ts";
import type { InstanceRegistry } from "../snapshot/instance-registry.ts";
import { MeshView } from "../snapshot/mesh-view.ts";
import { type MirrorUpdate, mirrorKey } from "./messages.ts";

/** The mesh's documents and instances as the study knows them: told by a `MirrorFeed`, never asked of the database. */
export class MeshMirror {
  readonly mesh: MeshView;
  readonly instances = new MirroredInstances();
  /** By `mirrorKey`. */
  readonly #documents = new Map<string, MeshDocument>();
  readonly #touched = new Set<string>();

  constructor(trustDomain: string) {
    this.mesh = new MeshView(this.instances, trustDomain);
    // Keys are not verified here; that other ones are asked for has to show all the same.
    this.mesh.keySets = { find: keyOfSource, want: () => {} };
  }

  take({ documents, goneDocuments, instances, goneInstances, whole }: MirrorUpdate): void {
    for (const document of documents) this.#documents.set(mirrorKey(document), document);
    for (const key of goneDocuments) this.#documents.delete(key);
    for (const instance of instances) this.#touched.add(this.instances.put(instance));
    for (const id of goneInstances) this.#touched.add(this.instances.remove(id));
    if (whole === undefined) return;
    if (this.#touched.size > 0) this.mesh.forgetEndpoints(this.#touched);
    this.#touched.clear();
    const { snapshot } = this.mesh;
    const isSame =
      snapshot.revision === whole.revision && documents.length === 0 && goneDocuments.length === 0;
    if (isSame) return;
    const all = [...this.#documents.values()];
    const applied = byRef(all.filter(({ origin }) => origin === undefined));
    const sourced = byRef(all.filter(({ origin }) => origin !== undefined));
    this.mesh.replaceSnapshot(compileSnapshot(whole.revision, applied, snapshot, sourced));
  }

  /** Compiles what proxies use, so that a change of it is seen. */
  *use(services: readonly string[]): Generator<void, void> {
    for (const key of services) {
      const slash = key.indexOf("/");
      const service: ServiceId = { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
      this.mesh.service(service);
      this.mesh.endpoints(service);
      yield;
    }
  }
}

function byRef(documents: readonly MeshDocument[]): Map<string, MeshDocument> {
  return new Map(documents.map((one) => [formatRef(one.resource), one]));
}

/** As the registry, without anything that changes by itself. */
class MirroredInstances implements InstanceRegistry {
  readonly #instances = new Map<string, StoredInstance>();
  readonly #byService = new Map<string, Map<string, StoredInstance>>();

  /** Returns the service whose endpoints differ by it. */
  put(instance: StoredInstance): string {
    const before = this.#instances.get(instance.instanceId);
    if (before) this.#byService.get(serviceKeyOf(before))?.delete(before.instanceId);
    this.#instances.set(instance.instanceId, instance);
    const key = serviceKeyOf(instance);
    const ofService = this.#byService.get(key) ?? new Map<string, StoredInstance>();
    this.#byService.set(key, ofService.set(instance.instanceId, instance));
    return key;
  }

  remove(instanceId: string): string {
    const instance = this.#instances.get(instanceId);
    if (!instance) return "";
    const key = serviceKeyOf(instance);
    this.#instances.delete(instanceId);
    this.#byService.get(key)?.delete(instanceId);
    return key;
  }

  instances(): Iterable<StoredInstance> {
    return this.#instances.values();
  }

  instancesOfService(key: string): StoredInstance[] {
    return [...(this.#byService.get(key)?.values() ?? [])];
  }

  instancesOfProxy(proxyId: string): StoredInstance[] {
    return [...this.#instances.values()].filter((one) => one.proxyId === proxyId);
  }

  serviceKeys(): Iterable<string> {
    return this.#byService.keys();
  }

  isKnownService(key: string): boolean {
    return this.#byService.has(key);
  }

  /** The streams are elsewhere: what proxies say of plaintext stands in their instances. */
  isOwn(): boolean {
    return false;
  }

  notePlaintextPorts(): void {}
}
