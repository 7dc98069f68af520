/** Byte classes of RFC 9110 §5 and RFC 3986; each table holds 1 where the byte belongs to the class. */
function tableOf(isMember: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isMember(byte) ? 1 : 0));
}

const alphaNumeric = (byte: number) =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x61 && byte <= 0x7a);
const isOneOf = (text: string) => (byte: number) => text.includes(String.fromCharCode(byte));

const tokenPunctuation = isOneOf("!#$%&'*+-.^_`|~");
/** `tchar`: method, field name, chunk extension name. */
export const TOKEN = tableOf((byte) => alphaNumeric(byte) || tokenPunctuation(byte));

/** `field-content`: HTAB, SP, visible ASCII and obs-text; no other control character. */
export const VALUE = tableOf(
  (byte) => byte === 0x09 || (byte >= 0x20 && byte <= 0x7e) || byte >= 0x80,
);

/**
 * Visible ASCII without `#`. Wider than RFC 3986 on purpose, since clients do send `"` and `|` raw;
 * none of these can end a target or a line.
 */
export const TARGET = tableOf((byte) => byte >= 0x21 && byte <= 0x7e && byte !== 0x23);

const hostPunctuation = isOneOf("-._~!$&'()*+,;=%:[]");
/** `uri-host [":" port]`: no userinfo, no path. */
export const HOST = tableOf((byte) => alphaNumeric(byte) || hostPunctuation(byte));

/** Value of a hexadecimal digit, 255 for any other byte. */
export const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? 255 : digit;
});

/** ASCII lower case; every other byte maps to itself. */
export const LOWER = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte,
);

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
