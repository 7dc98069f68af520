/**
 * MurmurHash3 (x86, 32 bits) of a text's UTF-16 code units, two at a time; in [0, 2^32). Equal in every
 * proxy and version: ring and maglev tables of different proxies must agree, so it may never change.
 * Not for secrets: who knows it can choose where his key lands.
 */
export function stableHash(text: string, seed = 0): number {
  let hash = seed | 0;
  const { length } = text;
  const even = length & ~1;
  for (let i = 0; i < even; i += 2) {
    hash ^= scramble(text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  if (even < length) hash ^= scramble(text.charCodeAt(even));
  return mix(hash ^ (length * 2));
}

/** Another hash of a hash, in [0, 2^32): for the next place to try, or a choice independent of the first. */
export function rehash(hash: number, round: number): number {
  return mix(hash ^ Math.imul(round, 0x9e3779b9));
}

function scramble(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
