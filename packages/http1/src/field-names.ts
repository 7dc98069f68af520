import { LOWER } from "./characters.ts";

/** The fields the codec itself must know; ids are small integers so that a head is a typed array. */
export const FIELD = Object.freeze({
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  keepAlive: 5,
  proxyConnection: 6,
  te: 7,
  trailer: 8,
  upgrade: 9,
  expect: 10,
  http2Settings: 11,
  proxyAuthorization: 12,
  /** A field that goes no further: `Connection` nominates it, or it may not stand where it stands. */
  dropped: 13,
});

const KNOWN: readonly string[] = [
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "http2-settings",
  "proxy-authorization",
];
const FIRST_EXTRA_ID = 14;
const MAX_IDS = 64;

type Known = { readonly id: number; readonly bytes: Uint8Array };

/**
 * Recognises field names without making strings. `extra` names (lower-case) get the ids from 14 on,
 * in the order given; at most 50 of them. Throws `RangeError` when there are more.
 */
export class FieldNames {
  readonly #buckets: (readonly Known[] | undefined)[] = Array.from({ length: 256 });
  readonly #ids = new Map<string, number>();

  constructor(extra: readonly string[] = []) {
    if (FIRST_EXTRA_ID + extra.length > MAX_IDS) {
      throw new RangeError(
        `${extra.length} extra field names, at most ${MAX_IDS - FIRST_EXTRA_ID}`,
      );
    }
    KNOWN.forEach((name, index) => this.#add(name, index + 1));
    extra.forEach((name, index) => this.#add(name, FIRST_EXTRA_ID + index));
  }

  #add(name: string, id: number): void {
    const bytes = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
    const slot = slotOf(bytes, 0, bytes.length);
    this.#buckets[slot] = [...(this.#buckets[slot] ?? []), { id, bytes }];
    this.#ids.set(name, id);
  }

  /** The id of a known lower-case name. Throws `RangeError` for a name this table was not given. */
  idOf(name: string): number {
    const id = this.#ids.get(name);
    if (id === undefined) throw new RangeError(`unknown field name "${name}"`);
    return id;
  }

  /** The id of the name in `bytes[start, end)`, in any case of letters; `FIELD.other`: not known. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const bucket = this.#buckets[slotOf(bytes, start, end)];
    if (bucket === undefined) return FIELD.other;
    for (const known of bucket) {
      if (known.bytes.length === end - start && equalsLower(bytes, start, known.bytes)) {
        return known.id;
      }
    }
    return FIELD.other;
  }
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const first = (bytes[start] as number) | 0x20;
  const last = (bytes[end - 1] as number) | 0x20;
  return ((end - start) * 31 + first * 7 + last) & 255;
}

/** Whether `bytes` from `start` spell `lower` when upper-case letters count as lower-case. */
export function equalsLower(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    if (LOWER[bytes[start + i] as number] !== lower[i]) return false;
  }
  return true;
}
