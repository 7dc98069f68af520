import { close, fstatSync, openSync, write } from "node:fs";

/** Where lines go. `write` takes all of the bytes or rejects; one at a time. */
export type LogOutput = {
  readonly name: string;
  write(bytes: Buffer): Promise<void>;
  close(): void;
};

const STDOUT = 1;
const OWNER_AND_GROUP = 0o640;

/** Appends to a file, made if need be. Throws the system's error when it cannot be opened. */
export function fileOutput(path: string): LogOutput {
  const descriptor = openSync(path, "a", OWNER_AND_GROUP);
  return {
    name: path,
    write: (bytes) => writeAll(descriptor, bytes),
    close: () => close(descriptor),
  };
}

/**
 * Standard output. A file or a terminal is written from another thread; a pipe or socket, which a slow
 * reader may fill, by the event loop as it takes bytes. Neither ever makes the proxy wait.
 */
export function standardOutput(): LogOutput {
  const kind = fstatSync(STDOUT);
  if (!kind.isFIFO() && !kind.isSocket()) {
    return { name: "stdout", write: (bytes) => writeAll(STDOUT, bytes), close: () => {} };
  }
  const { stdout } = process;
  let failure: Error | undefined;
  stdout.on("error", (error) => {
    failure = error;
  });
  return {
    name: "stdout",
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) reject(failure);
        else stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => {},
  };
}

async function writeAll(descriptor: number, bytes: Buffer): Promise<void> {
  let at = 0;
  while (at < bytes.length) at += await writeSome(descriptor, bytes.subarray(at));
}

function writeSome(descriptor: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, (error, count) => (error ? reject(error) : resolve(count)));
  });
}
