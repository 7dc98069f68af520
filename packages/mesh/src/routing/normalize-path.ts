/** MeshConfig.pathNormalization; each mode does what the one before does. */
export const PATH_NORMALIZATIONS = [
  "NONE",
  "BASE",
  "MERGE_SLASHES",
  "DECODE_AND_MERGE_SLASHES",
] as const;
export type PathNormalization = (typeof PATH_NORMALIZATIONS)[number];

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const PERCENT = 0x25;

/** A path without these and without escapes to decode is in normal form, as most are. */
const SUSPICIOUS = /[\\#]|\/\.\.?(?:\/|$)/;
const SUSPICIOUS_OR_SLASHES = /[\\#]|\/\.\.?(?:\/|$)|\/\//;

/**
 * The path that is matched, authorized and forwarded, query excluded; the very same text when nothing
 * is to do. BASE (Envoy's normalize_path): unreserved characters are decoded (RFC 3986 §6.2.2.2), `\`
 * becomes `/`, dot segments are resolved (§5.2.4). MERGE_SLASHES makes one of several slashes;
 * DECODE_AND_MERGE_SLASHES takes `%2F` and `%5C` for slashes before that. What decoding uncovers is
 * decoded too, so a second pass changes nothing. `undefined`: the path holds `%00` or a fragment and is
 * refused (400). A target that is no path (`*`) stays.
 */
export function normalizePath(path: string, mode: PathNormalization): string | undefined {
  if (mode === "NONE") return path;
  const merges = mode !== "BASE";
  const decodesSlashes = mode === "DECODE_AND_MERGE_SLASHES";
  const isSuspicious = (merges ? SUSPICIOUS_OR_SLASHES : SUSPICIOUS).test(path);
  if (!isSuspicious && !needsDecoding(path, decodesSlashes)) return path;
  if (path.includes("#")) return undefined;
  const decoded = decode(path, decodesSlashes);
  if (decoded === undefined || !decoded.startsWith("/")) return decoded;
  const resolved = resolveDotSegments(decoded);
  const normal = merges ? resolved.replace(/\/{2,}/g, "/") : resolved;
  return normal === path ? path : normal;
}

/** Whether an escape is to be decoded or refused, or is none, so that it might become one. */
function needsDecoding(path: string, decodesSlashes: boolean): boolean {
  for (let at = path.indexOf("%"); at >= 0; at = path.indexOf("%", at + 1)) {
    const high = hexValue(path.charCodeAt(at + 1));
    const low = hexValue(path.charCodeAt(at + 2));
    if (high < 0 || low < 0) return true;
    const value = high * 16 + low;
    if (value === 0 || decodedAs(value, decodesSlashes) >= 0) return true;
  }
  return false;
}

/**
 * Character by character onto a stack; whenever its top three are an escape that is to be decoded, the
 * character takes their place, which may complete the next escape (`%%32e`). Each step shortens the
 * text, so the work is linear.
 */
function decode(path: string, decodesSlashes: boolean): string | undefined {
  const stack: number[] = [];
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index);
    stack.push(code === BACKSLASH ? SLASH : code);
    for (let value = topEscape(stack); value >= 0; value = topEscape(stack)) {
      if (value === 0) return undefined;
      const plain = decodedAs(value, decodesSlashes);
      if (plain < 0) break;
      stack.length -= 3;
      stack.push(plain);
    }
  }
  return textOf(stack);
}

/** The value of the escape on top, or -1. */
function topEscape(stack: readonly number[]): number {
  const { length } = stack;
  if (length < 3 || stack[length - 3] !== PERCENT) return -1;
  const high = hexValue(stack[length - 2] as number);
  const low = hexValue(stack[length - 1] as number);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** The character an escape is replaced by, or -1: it stays. */
function decodedAs(value: number, decodesSlashes: boolean): number {
  if (isUnreserved(value)) return value;
  return decodesSlashes && (value === SLASH || value === BACKSLASH) ? SLASH : -1;
}

function isUnreserved(code: number): boolean {
  if (isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a))
    return true;
  return code === 0x2d || code === 0x2e || code === 0x5f || code === 0x7e;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function hexValue(code: number): number {
  if (isDigit(code)) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function resolveDotSegments(path: string): string {
  const segments = path.slice(1).split("/");
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  const last = segments.at(-1);
  const endsInFolder = last === "." || last === "..";
  return `/${kept.join("/")}${endsInFolder && kept.length > 0 ? "/" : ""}`;
}

function textOf(codes: readonly number[]): string {
  let text = "";
  for (let start = 0; start < codes.length; start += 4096) {
    text += String.fromCharCode(...codes.slice(start, start + 4096));
  }
  return text;
}
