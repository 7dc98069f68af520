/** Instances that are gone at once, and those to write; emptied by the one who writes them. */
export type UnsavedRegistry = {
  readonly instanceIds: ReadonlySet<string>;
  readonly removedInstanceIds: ReadonlySet<string>;
  readonly proxyIds: ReadonlySet<string>;
  /** Of all these, what other control planes have to hear of at once. */
  readonly news: { readonly proxyIds: string[]; readonly instanceIds: string[] };
};

/** What of the registry is not in the database yet, by id. */
export class UnsavedChanges {
  instances = new Set<string>();
  removals = new Set<string>();
  proxies = new Set<string>();
  newsOfProxies = new Set<string>();
  newsOfInstances = new Set<string>();

  /** Hands over what there is, and starts counting anew. */
  take(): UnsavedRegistry {
    const unsaved = {
      instanceIds: this.instances,
      removedInstanceIds: this.removals,
      proxyIds: this.proxies,
      news: { proxyIds: [...this.newsOfProxies], instanceIds: [...this.newsOfInstances] },
    };
    this.newsOfProxies = new Set();
    this.newsOfInstances = new Set();
    this.instances = new Set();
    this.removals = new Set();
    this.proxies = new Set();
    return unsaved;
  }

  /** Writing failed: all of it is to be written again, as it stands by then. */
  putBack(unsaved: UnsavedRegistry, isThere: (instanceId: string) => boolean): void {
    for (const id of unsaved.instanceIds) this.instances.add(id);
    for (const id of unsaved.removedInstanceIds) if (!isThere(id)) this.removals.add(id);
    for (const id of unsaved.proxyIds) this.proxies.add(id);
    for (const id of unsaved.news.proxyIds) this.newsOfProxies.add(id);
    for (const id of unsaved.news.instanceIds) this.newsOfInstances.add(id);
  }
}
