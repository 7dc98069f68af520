import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
} from "node:fs";

const MAX_LOG_BYTES = 16 * 1024 * 1024;
const TAIL_BYTES = 16 * 1024;

/**
 * Keeps a log within bounds: one file of up to 16 MB and one older. The writer has the file open for
 * appending, so the file is copied and emptied instead of moved.
 */
export function boundLog(file: string): void {
  if (!existsSync(file) || statSync(file).size < MAX_LOG_BYTES) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}

/**
 * What a process said last, from `start` on, without the log's frame: the error it died of, where Node
 * has printed one with its stack, else its last line.
 */
export function lastWords(file: string, start: number): string {
  const lines = readTail(file, start)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const last = lines.findLast((line) => /^(Uncaught )?\w*Error\b.*: /.test(line)) ?? lines.at(-1);
  return last === undefined ? "it said nothing" : messageOf(last).slice(0, 500);
}

function messageOf(line: string): string {
  if (!line.startsWith("{")) return line.trim();
  try {
    const entry = JSON.parse(line) as { msg?: unknown; err?: { message?: unknown } };
    return [entry.msg, entry.err?.message].filter((text) => typeof text === "string").join(": ");
  } catch {
    return line.trim();
  }
}

function readTail(file: string, start: number): string {
  const fd = openSync(file, "r");
  try {
    const { size } = statSync(file);
    const from = Math.max(start, size - TAIL_BYTES);
    const tail = Buffer.alloc(Math.max(0, size - from));
    readSync(fd, tail, 0, tail.length, from);
    return tail.toString("utf8");
  } finally {
    closeSync(fd);
  }
}
