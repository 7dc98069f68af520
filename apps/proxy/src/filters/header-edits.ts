import type { OwnHeaders } from "@heddle/filter-api";
import { FIELD, type FieldBlock, fieldMask, OutBuffer, type RequestParser } from "@heddle/http1";

/** What frames a message, ends at this hop, or is vouched for by proxies: no filter changes it. */
const UNTOUCHABLE: ReadonlySet<string> = new Set([
  ..."host content-length transfer-encoding connection keep-alive proxy-connection te trailer".split(
    " ",
  ),
  ..."upgrade expect http2-settings proxy-authorization x-forwarded-client-cert".split(" "),
]);
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Visible characters of Latin-1, blanks and tabs within (RFC 9110 §5.5). */
const VALUE = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$|^$/;
/** Written anew; what `Connection` nominates ends here anyway. */
const REWRITTEN = fieldMask([FIELD.host, FIELD.dropped], { isHopByHop: false });
/** Heads are put together here and copied out at once. */
const scratch = new OutBuffer(4_096);

/** All values a field is to have; none: it is removed. */
export type HeaderEdit = { readonly name: string; readonly values: readonly string[] };

/** The fields of a head with one filter's changes on top, which hold for nobody else until they are applied. */
export class HeaderEdits implements OwnHeaders {
  readonly #fields: FieldBlock;
  /** By lower-case name: the name as it was given, and all values it is to have; none: removed. */
  readonly #edited = new Map<string, { readonly name: string; readonly values: string[] }>();
  isClosed = false;

  /** `before`: what other filters have changed already. */
  constructor(fields: FieldBlock, before?: HeaderEdits) {
    this.#fields = fields;
    if (before === undefined) return;
    for (const [lower, { name, values }] of before.#edited) {
      this.#edited.set(lower, { name, values: [...values] });
    }
  }

  get isEmpty(): boolean {
    return this.#edited.size === 0;
  }

  get edited(): readonly HeaderEdit[] {
    return [...this.#edited.values()];
  }

  get(name: string): string | undefined {
    this.#checkOpen();
    const lower = name.toLowerCase();
    const edited = this.#edited.get(lower);
    if (edited === undefined) return this.#fields.find(lower);
    return edited.values.length === 0 ? undefined : edited.values.join(",");
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  entries(): readonly (readonly [name: string, value: string])[] {
    this.#checkOpen();
    const fields = this.#fields;
    const all: [string, string][] = [];
    for (let index = 0; index < fields.count; index++) {
      const name = fields.nameAt(index);
      if (!this.#edited.has(name.toLowerCase())) all.push([name, fields.valueAt(index)]);
    }
    for (const { name, values } of this.#edited.values()) {
      for (const value of values) all.push([name, value]);
    }
    return all;
  }

  set(name: string, value: string): void {
    const lower = this.#check(name, value);
    this.#edited.set(lower, { name, values: [value] });
  }

  append(name: string, value: string): void {
    const lower = this.#check(name, value);
    const edited = this.#edited.get(lower);
    if (edited !== undefined) edited.values.push(value);
    else this.#edited.set(lower, { name, values: [...this.#valuesOf(lower), value] });
  }

  remove(name: string): void {
    const lower = this.#check(name, "");
    this.#edited.set(lower, { name, values: [] });
  }

  /** Takes over what another thread has decided. Throws as `set`. */
  replay(name: string, values: readonly string[]): void {
    this.remove(name);
    for (const value of values) this.append(name, value);
  }

  #valuesOf(lower: string): string[] {
    const fields = this.#fields;
    return indexesOf(fields, lower).map((index) => fields.valueAt(index));
  }

  /** The head belongs to another request by now, perhaps. */
  #checkOpen(): void {
    if (this.isClosed) throw new Error("the exchange has gone on: its headers are not at hand now");
  }

  #check(name: string, value: string): string {
    this.#checkOpen();
    return checkField(name, value);
  }

  /** Writes what was set, and marks in the block what must not be passed on. */
  applyTo(out: { field(name: string, value: string): void }): void {
    for (const { name, values } of this.#edited.values()) {
      for (const value of values) out.field(name, value);
    }
  }

  /** Marks the fields that were changed, so that no copy of the head passes them on. */
  dropOriginals(): void {
    const { ids } = this.#fields;
    for (const lower of this.#edited.keys()) {
      let at = this.#fields.indexOf(lower, 0);
      for (; at >= 0; at = this.#fields.indexOf(lower, at + 1)) ids[at] = FIELD.dropped;
    }
  }

  /**
   * What is set here goes on, though the sender's `Connection` nominates its name. Marks such fields and
   * returns what else they say.
   */
  #takeOptions(): string[] {
    const fields = this.#fields;
    const others: string[] = [];
    for (const at of indexesOf(fields, "connection")) {
      const options = fields.valueAt(at).split(",");
      const kept = options.filter((one) => !this.#edited.has(one.trim().toLowerCase()));
      if (kept.length === options.length) continue;
      fields.ids[at] = FIELD.dropped;
      if (kept.length > 0) others.push(kept.join(",").trim());
    }
    return others;
  }

  /**
   * The request's head with the changes, for `RequestParser.replace`; the block is of no use afterwards.
   * What frames the body stays as it came, so it is read as before.
   */
  headOf(request: RequestParser, path: string): Buffer {
    const { fields, method, minorVersion, authority } = request;
    if (!this.isEmpty) this.dropOriginals();
    const options = this.isEmpty ? [] : this.#takeOptions();
    scratch.clear();
    scratch.text(`${method} ${path} HTTP/1.${minorVersion}\r\n`);
    if (authority !== undefined) scratch.field("host", authority);
    scratch.fields(fields, REWRITTEN);
    for (const option of options) scratch.field("connection", option);
    this.applyTo(scratch);
    scratch.endHead();
    return Buffer.from(scratch.bytes.subarray(0, scratch.length));
  }
}

function indexesOf(fields: FieldBlock, name: string): number[] {
  const indexes: number[] = [];
  for (let at = fields.indexOf(name, 0); at >= 0; at = fields.indexOf(name, at + 1)) {
    indexes.push(at);
  }
  return indexes;
}

/** Whether this lower-case name is one that may be set or taken away here. */
export function mayChange(name: string): boolean {
  return NAME.test(name) && !UNTOUCHABLE.has(name) && !name.startsWith("x-heddle-");
}

/** The lower-case name, if a filter may set it so. Throws `TypeError`. */
export function checkField(name: string, value: string): string {
  if (!NAME.test(name)) throw new TypeError(`"${name}" is no name of a header`);
  const lower = name.toLowerCase();
  if (UNTOUCHABLE.has(lower) || lower.startsWith("x-heddle-")) {
    throw new TypeError(`a filter cannot change the header ${lower}`);
  }
  if (typeof value !== "string" || !VALUE.test(value)) {
    throw new TypeError(`the value given for ${lower} holds what no header may hold`);
  }
  return lower;
}
