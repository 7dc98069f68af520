import type { ControlPlaneAddress } from "./control-plane-address.ts";

/**
 * The control planes a proxy may turn to, all over one database. It stays with one as long as that answers, and
 * goes on to the next when it does not. Each proxy has an order of its own, so that those of a control plane that
 * died do not all come to the same one.
 */
export class ControlPlanes {
  readonly #addresses: readonly ControlPlaneAddress[];
  #at = 0;

  /** `draw` in [0, 1). */
  constructor(addresses: readonly ControlPlaneAddress[], draw: () => number) {
    this.#addresses = shuffled(addresses, draw);
  }

  get size(): number {
    return this.#addresses.length;
  }

  get current(): ControlPlaneAddress {
    const address = this.#addresses[this.#at % this.size];
    if (!address) throw new Error("a proxy needs the address of a control plane");
    return address;
  }

  next(): void {
    this.#at = (this.#at + 1) % this.size;
  }
}

/** Fisher and Yates's. */
function shuffled<Item>(items: readonly Item[], draw: () => number): Item[] {
  const left = [...items];
  const drawn: Item[] = [];
  while (left.length > 0) drawn.push(...left.splice(Math.floor(draw() * left.length), 1));
  return drawn;
}
