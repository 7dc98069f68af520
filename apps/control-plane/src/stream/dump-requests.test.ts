import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControlMessage, ProxyMessage } from "@heddle/contracts";
import { DumpRequests } from "./dump-requests.ts";

type Dump = Extract<ControlMessage, { type: "dump" }>;

function setUp() {
  const sent: Dump[] = [];
  const dumps = new DumpRequests((message) => {
    if (message.type === "dump") sent.push(message);
  });
  const answer = (key: string, next?: string) => {
    const id = sent.at(-1)?.id ?? "";
    dumps.answer({ ...EMPTY, id, resources: [{ key, kind: "service", version: "1" }], next });
  };
  return { sent, dumps, answer };
}

const EMPTY: Extract<ProxyMessage, { type: "dumped" }> = {
  type: "dumped",
  id: "",
  revision: 1,
  outboundTrafficPolicy: "ALLOW_ANY",
  resources: [],
  certificates: [],
  destinations: [],
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("asks for page after page and puts them together", async () => {
  const { sent, dumps, answer } = setUp();
  const asked = dumps.ask();
  answer("a", "a");
  await turn();
  answer("b");
  const got = await asked;
  assert.ok(got.kind === "answered");
  assert.deepEqual(
    got.dump.resources.map(({ key }) => key),
    ["a", "b"],
  );
  assert.equal(got.isTruncated, false);
  assert.deepEqual(
    sent.map(({ after }) => after),
    [undefined, "a"],
  );
});

test("stops at its bound however long a proxy goes on, and says so", async () => {
  const { sent, dumps, answer } = setUp();
  const asked = dumps.ask();
  for (let page = 0; page < 20; page++) {
    answer(`k${page}`, `k${page}`);
    await turn();
  }
  const got = await asked;
  assert.ok(got.kind === "answered" && got.isTruncated);
  assert.equal(sent.length, 16);
});

test("gives up a proxy that does not answer in time", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { dumps } = setUp();
  const asked = dumps.ask();
  t.mock.timers.tick(5_001);
  assert.equal((await asked).kind, "silent");
});

test("asks one proxy only so much at a time, and nothing more once its stream has ended", async () => {
  const { dumps } = setUp();
  const asked = Array.from({ length: 5 }, () => dumps.ask());
  assert.equal((await asked[4])?.kind, "busy");
  dumps.end();
  assert.deepEqual(
    (await Promise.all(asked.slice(0, 4))).map(({ kind }) => kind),
    ["gone", "gone", "gone", "gone"],
  );
  assert.equal((await dumps.ask()).kind, "gone");
});
