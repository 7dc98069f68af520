type Latin1Bytes = Buffer & { latin1Slice(start: number, end: number): string };

/**
 * The bytes as text, one character each. Node's own `toString("latin1")` does the same behind two
 * more calls and its argument checks; this stands in the path of every request.
 */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return (bytes as Latin1Bytes).latin1Slice(start, end);
}
