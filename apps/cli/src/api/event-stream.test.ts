import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readEvents, type ServerEvent } from "./event-stream.ts";

const TEXT =
  ': hello\n\nevent: requests\ndata: {"a":1}\n\ndata: one\ndata: two\r\n\r\nevent: end\n\n';

async function eventsOf(chunks: readonly Uint8Array[]): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  const body = (async function* () {
    yield* chunks;
  })();
  for await (const event of readEvents(body)) events.push(event);
  return events;
}

test("reads the same events however the bytes come in", async () => {
  const bytes = new TextEncoder().encode(TEXT);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
      assert.deepEqual(await eventsOf(chunks), [
        { event: "requests", data: '{"a":1}' },
        { event: "message", data: "one\ntwo" },
      ]);
    }),
  );
});
