import type { Downstream } from "./downstream.ts";
import { type Failure, type OwnAnswer, reasonOf } from "./failure.ts";

/** What a client is told of a failure: who failed, how, and why in plain text. */
export function answerOfFailure(failure: Failure, origin: string): OwnAnswer {
  const { status, flag, failedBy } = failure;
  const fields: [string, string][] = [
    ["content-type", "text/plain; charset=utf-8"],
    ["x-heddle-origin", origin],
  ];
  if (flag !== "-") fields.push(["x-heddle-flags", flag]);
  for (const [name, value] of failure.fields ?? []) fields.push([name, value]);
  return { status, fields, body: Buffer.from(`${failure.explanation}\n`), flag, failedBy };
}

/** Sends a whole answer; says how many bytes its body has. */
export function writeOwnAnswer(downstream: Downstream, answer: OwnAnswer, method: string): number {
  const { status, body } = answer;
  const length = body?.length ?? 0;
  const out = downstream.startHead();
  out.text(`HTTP/1.1 ${status} ${reasonOf(status)}\r\n`);
  for (const [name, value] of answer.fields) out.field(name, value);
  if (status !== 204 && status !== 304) out.text(`content-length: ${length}\r\n`);
  const hasBody = body !== undefined && length > 0 && method !== "HEAD";
  downstream.endHead(hasBody ? "length" : "none");
  if (hasBody) downstream.writeBody(body, 0, length);
  downstream.endBody(undefined);
  return hasBody ? length : 0;
}
