// The little of DER (ITU-T X.690) that a certificate request needs: definite lengths below 64 KiB.

const MAX_LENGTH = 0xffff;

/** One element: tag, length, content. Throws `RangeError` above 65 535 bytes of content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  if (length > MAX_LENGTH) throw new RangeError(`DER element of ${length} bytes, at most 65535`);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...content]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}

export const sequence = (...content: readonly Uint8Array[]) => element(0x30, ...content);
export const set = (...content: readonly Uint8Array[]) => element(0x31, ...content);
export const utf8String = (text: string) => element(0x0c, Buffer.from(text, "utf8"));
export const octetString = (content: Uint8Array) => element(0x04, content);
/** Whole bytes: no unused bits. */
export const bitString = (content: Uint8Array) => element(0x03, Buffer.of(0), content);
export const smallInteger = (value: number) => element(0x02, Buffer.of(value));
/** Context-specific: `[n]` around other elements, or `[n] IMPLICIT` in place of a plain type's tag. */
export const taggedGroup = (n: number, ...content: readonly Uint8Array[]) =>
  element(0xa0 | n, ...content);
export const taggedPlain = (n: number, content: Uint8Array) => element(0x80 | n, content);

/** An object identifier in dotted form. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const bytes = [arc & 0x7f];
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

/** RFC 7468: base64 in lines of 64 between the labels. */
export function toPem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
