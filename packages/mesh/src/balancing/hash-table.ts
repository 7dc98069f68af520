import { rehash, stableHash } from "./stable-hash.ts";

/** One place in a hash table's world: a stable name (equal in all proxies) and a weight above 0. */
export type HashMember = { readonly id: string; readonly weight: number };

/**
 * Maps hashes to members so that few keys move when members come and go. Built when the members change;
 * a member that is only out for now stays in the table and is stepped over.
 */
export interface HashTable {
  /**
   * The index of the member that serves `hash`. Members for which `isOut` holds 1 are stepped over,
   * so only their keys move; -1: all are out.
   */
  find(hash: number, isOut: Uint8Array): number;
}

/** How big a ring grows unless it is asked for more: as it is built, all requests wait (some 20 ms). */
const USUAL_RING_SIZE = 1 << 16;
/** How big it may be asked to be. */
const MAX_RING_SIZE = 1 << 20;
/** Istio's bound on `maglev.tableSize`. */
const MAX_MAGLEV_SIZE = 5_000_011;
const DEFAULT_MAGLEV_SIZE = 65_537;

/**
 * A ring of points as RING_HASH's. The lightest member gets half of `minimumSize` points, the others more
 * in proportion, so that from two on the ring is as big as asked for. Unlike in Envoy's, their number does
 * not depend on how many members there are (up to 128 of the default size): one more or less moves no key
 * between the others.
 */
export function buildRing(members: readonly HashMember[], minimumSize: number): HashTable {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  const least = members.reduce((low, { weight }) => Math.min(low, weight), total);
  const wanted = Math.ceil(Math.max(2, minimumSize) / 2) / least;
  const largest = Math.min(Math.max(minimumSize, USUAL_RING_SIZE), MAX_RING_SIZE);
  const perWeight = Math.min(wanted, largest / total);
  // Hash and owner packed into one exact double (32 + 21 bits), so that a typed sort orders both.
  const points: number[] = [];
  for (const [owner, { id, weight }] of members.entries()) {
    const copies = Math.max(1, Math.round(weight * perWeight));
    for (let copy = 0; copy < copies; copy++) {
      points.push(stableHash(`${id}_${copy}`) * OWNER_SPAN + owner);
    }
  }
  return new Ring(Float64Array.from(points).sort());
}

const OWNER_SPAN = 1 << 21;

class Ring implements HashTable {
  readonly #hashes: Uint32Array;
  readonly #owners: Uint32Array;

  constructor(points: Float64Array) {
    this.#hashes = Uint32Array.from(points, (point) => Math.floor(point / OWNER_SPAN));
    this.#owners = Uint32Array.from(points, (point) => point % OWNER_SPAN);
  }

  find(hash: number, isOut: Uint8Array): number {
    const owners = this.#owners;
    const start = this.#firstAtOrAfter(hash);
    for (let step = 0; step < owners.length; step++) {
      const owner = owners[(start + step) % owners.length] as number;
      if (isOut[owner] === 0) return owner;
    }
    return -1;
  }

  #firstAtOrAfter(hash: number): number {
    const hashes = this.#hashes;
    let low = 0;
    let high = hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((hashes[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low; // one past the last wraps around in `find`
  }
}

/**
 * A Maglev table (Eisenbud et al., NSDI 2016), weighted as Envoy's. `tableSize` 0: 65537. A size that is
 * no prime is raised to the next one, since only a prime lets every member reach every entry.
 */
export function buildMaglev(members: readonly HashMember[], tableSize: number): HashTable {
  const size = nextPrime(
    Math.min(Math.max(tableSize || DEFAULT_MAGLEV_SIZE, members.length), MAX_MAGLEV_SIZE),
  );
  const heaviest = members.reduce((high, { weight }) => Math.max(high, weight), 0);
  const builders = members.map(({ id, weight }) => ({
    next: stableHash(id) % size,
    skip: (stableHash(id, 1) % (size - 1)) + 1,
    share: weight / heaviest,
    credit: 0,
  }));
  const entries = new Int32Array(size).fill(-1);
  for (let filled = 0; filled < size; ) {
    for (const [owner, builder] of builders.entries()) {
      builder.credit += builder.share;
      if (builder.credit < 1 || filled === size) continue;
      builder.credit -= 1;
      while (entries[builder.next] !== -1) builder.next = (builder.next + builder.skip) % size;
      entries[builder.next] = owner;
      filled++;
    }
  }
  return new Maglev(entries, members.length);
}

class Maglev implements HashTable {
  readonly #entries: Int32Array;
  readonly #memberCount: number;

  constructor(entries: Int32Array, memberCount: number) {
    this.#entries = entries;
    this.#memberCount = memberCount;
  }

  find(hash: number, isOut: Uint8Array): number {
    const entries = this.#entries;
    // Hashing again spreads the keys of one that is out over all others. Rounds enough for one in two
    // being out; beyond that the first that is in takes the rest.
    let place = hash;
    for (let round = 1; round <= 32; round++) {
      const owner = entries[place % entries.length] as number;
      if (isOut[owner] === 0) return owner;
      place = rehash(hash, round);
    }
    for (let owner = 0; owner < this.#memberCount; owner++) if (isOut[owner] === 0) return owner;
    return -1;
  }
}

function nextPrime(atLeast: number): number {
  let candidate = Math.max(2, Math.ceil(atLeast));
  while (!isPrime(candidate)) candidate++;
  return candidate;
}

function isPrime(value: number): boolean {
  if (value % 2 === 0) return value === 2;
  for (let factor = 3; factor * factor <= value; factor += 2)
    if (value % factor === 0) return false;
  return true;
}
