/**
 * The ledger's own protocol, in which the server speaks first:
 *
 *   S: SHOP-LEDGER 1\n
 *   C: PUT <12 digits>\n      S: OK <12 digits>\n      … as often as the client likes
 *
 * Every line has the same length, so the bytes on an edge follow from its rate.
 */
export const GREETING = "SHOP-LEDGER 1\n";
export const PUT_BYTES = 17;
export const OK_BYTES = 16;

export function putLine(entry: number): string {
  return `PUT ${digits(entry)}\n`;
}

/** The answer to a line; `undefined`: it is none of ours. */
export function answerLine(line: string): string | undefined {
  const match = /^PUT (\d{12})$/.exec(line);
  return match === null ? undefined : `OK ${match[1]}\n`;
}

function digits(entry: number): string {
  return String(entry % 1_000_000_000_000).padStart(12, "0");
}
