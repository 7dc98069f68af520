type Labels = Readonly<Record<string, string>>;
type Labelled = { readonly namespace: string; readonly labels: Labels };

/** Whether all labels asked for are there with their values; none asked for: always. */
export function carriesAll(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** Finds what carries given labels without looking at all of it. */
export class LabelIndex<One extends Labelled> {
  readonly all: readonly One[];
  readonly #byNamespace = new Map<string, One[]>();
  /** By `name=value`, and by `namespace/name=value`. */
  readonly #byLabel = new Map<string, One[]>();

  constructor(all: readonly One[]) {
    this.all = all;
    for (const one of all) {
      push(this.#byNamespace, one.namespace, one);
      for (const [name, value] of Object.entries(one.labels)) {
        push(this.#byLabel, `${name}=${value}`, one);
        push(this.#byLabel, `${one.namespace}/${name}=${value}`, one);
      }
    }
  }

  /** `namespace` undefined: in all of them. */
  find(wanted: Labels, namespace: string | undefined): readonly One[] {
    const prefix = namespace === undefined ? "" : `${namespace}/`;
    let fewest = namespace === undefined ? this.all : (this.#byNamespace.get(namespace) ?? []);
    for (const [name, value] of Object.entries(wanted)) {
      const some = this.#byLabel.get(`${prefix}${name}=${value}`) ?? [];
      if (some.length < fewest.length) fewest = some;
    }
    return fewest.filter(({ labels }) => carriesAll(labels, wanted));
  }
}

/** Adds to the list under a key. */
export function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** `app=cart,version=v1`, sorted: how a selector is written down in a message, and compared. */
export function formatSelector(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(",");
}
