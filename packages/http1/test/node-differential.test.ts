import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { requestBytes, responseBytes } from "./arbitrary-messages.ts";
import { fuzzSettings } from "./fuzz-settings.ts";
import { NodeClient, type NodeMessage, NodeServer } from "./node-peers.ts";
import { type ReadMessage, readMessages } from "./read-messages.ts";

const server = await NodeServer.start();
const client = await NodeClient.start();
after(() => Promise.all([server.stop(), client.stop()]));

/**
 * What Node refuses and Heddle takes, with the reason. Everything else that Node refuses must be
 * refused. (What Heddle refuses beyond Node is the llhttp corpus' subject.)
 */
const NODE_STRICTER: readonly {
  readonly why: string;
  is(refusal: string, read: readonly NodeMessage[]): boolean;
}[] = [
  {
    why: "a framing field in a trailer section is dropped, as RFC 9110 §6.5.1 allows: no reader behind the proxy sees it",
    is: (_refusal, read) => hasName(read, "trailers", /^(transfer-encoding|content-length)$/i),
  },
  {
    why: "`close` is said by Connection, in a head: not by Proxy-Connection (RFC 9112 §C.2.2), not by a trailer",
    is: (refusal, read) =>
      refusal === "HPE_CLOSED_CONNECTION" &&
      (hasName(read, "fields", /^proxy-connection$/i) ||
        hasName(read, "trailers", /^(proxy-)?connection$/i)),
  },
];

function hasName(read: readonly NodeMessage[], part: "fields" | "trailers", name: RegExp): boolean {
  return read.some((message) => message[part].some(([each]) => name.test(each)));
}

function isExcused(refusal: string, read: readonly NodeMessage[]): boolean {
  return NODE_STRICTER.some((exception) => exception.is(refusal, read));
}

function plain(message: ReadMessage): NodeMessage {
  const { startLine, fields, body, trailers } = message;
  return { start: startLine, fields, body, trailers };
}

const latin = (bytes: Buffer) => JSON.stringify(bytes.toString("latin1"));

test("what Node's server refuses is refused, and what both take means the same", async () => {
  await fc.assert(
    fc.asyncProperty(requestBytes, async (bytes) => {
      fc.pre(!/CONNECT /.test(bytes.toString("latin1")));
      const ours = readMessages("request", [bytes], { isEnded: true, ignoresUpgrade: true });
      const node = await server.read(bytes);
      const read = ours.messages.filter((message) => message.isComplete).map(plain);
      const both = Math.min(read.length, node.messages.length);
      assert.deepEqual(read.slice(0, both), node.messages.slice(0, both), latin(bytes));
      if (node.refusal === undefined || isExcused(node.refusal, read)) return;
      assert.notEqual(ours.fault, undefined, `Node: ${node.refusal} ${latin(bytes)}`);
    }),
    fuzzSettings(400),
  );
});

test("what Node's client refuses is refused, and what both take means the same", async () => {
  await fc.assert(
    fc.asyncProperty(
      responseBytes,
      fc.constantFrom("GET", "GET", "HEAD"),
      async (bytes, requestMethod) => {
        const ours = readMessages("response", [bytes], { isEnded: true, requestMethod });
        const node = await client.read(requestMethod, bytes);
        const whole = ours.messages.filter((message) => message.isComplete).map(plain);
        const final = whole.find(({ start }) => !start.startsWith("1"));
        const [nodes] = node.messages;
        if (final !== undefined && nodes !== undefined) {
          assert.deepEqual(final, nodes, latin(bytes));
        }
        // Without a final response there is nothing either of them could pass on.
        if (node.refusal === undefined || final === undefined) return;
        if (isExcused(node.refusal, whole)) return;
        const what = `Node: ${node.refusal} ${requestMethod} ${latin(bytes)}`;
        assert.notEqual(ours.fault, undefined, what);
      },
    ),
    fuzzSettings(400),
  );
});
