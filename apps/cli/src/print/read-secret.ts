import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { UsageError } from "../errors.ts";

const LONGEST = 4096;

/** A line that is not shown: asked for at a terminal, else the first line of what is piped in. */
export async function readSecret(question: string): Promise<string> {
  const secret = process.stdin.isTTY ? await askHidden(question) : await readPipe();
  if (secret !== "") return secret;
  throw new UsageError("nothing was given");
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question("");
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

async function readPipe(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8") as AsyncIterable<string>) {
    text += chunk;
    if (text.length > LONGEST) throw new UsageError(`what is piped in is longer than ${LONGEST}`);
  }
  return text.split("\n", 1)[0]?.trim() ?? "";
}
