import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { LedgerClient } from "./ledger-client.ts";
import { answerLine, GREETING, OK_BYTES, PUT_BYTES, putLine } from "./ledger-protocol.ts";
import { serveTcp } from "./serve-tcp.ts";

test("every line has the length the expected traffic counts with", () => {
  for (const entry of [0, 1, 123_456_789, 999_999_999_999]) {
    const line = putLine(entry);
    assert.equal(line.length, PUT_BYTES);
    assert.equal(answerLine(line.trimEnd())?.length, OK_BYTES);
  }
  assert.equal(answerLine("PUT x"), undefined);
});

test("the server speaks first, and keeps what it is given", async (t) => {
  const port = await freePort();
  t.after(serveTcp(port, async () => true));
  const greeting = await new Promise<string>((resolve) => {
    const socket = net.connect(port, "127.0.0.1").once("data", (bytes) => {
      resolve(bytes.toString());
      socket.destroy();
    });
  });
  assert.equal(greeting, GREETING);
  const client = new LedgerClient(port);
  t.after(() => client.close());
  assert.deepEqual(await Promise.all([client.call(), client.call(), client.call()]), [
    true,
    true,
    true,
  ]);
});

test("an entry that the ledger does not keep has failed", async (t) => {
  const port = await freePort();
  t.after(serveTcp(port, async () => false));
  const client = new LedgerClient(port);
  t.after(() => client.close());
  assert.equal(await client.call(), false);
});

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
