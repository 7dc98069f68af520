import assert from "node:assert/strict";
import { test } from "node:test";
import { askAny } from "./ask-any.ts";

const A = new URL("http://a.test/");
const B = new URL("http://b.test/");

/** Servers of which some are down; keeps who was asked. */
function servers(down: Record<string, string>) {
  const asked: string[] = [];
  const ask = async (url: URL) => {
    asked.push(url.host);
    const code = down[url.host];
    if (code === undefined) return new Response("ok");
    throw new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
  };
  return { asked, ask };
}

test("asks the next when one does not answer, and that one first from then on", async () => {
  const urls = [A, B];
  const { asked, ask } = servers({ "a.test": "ECONNRESET" });
  await askAny(urls, ask, true);
  await askAny(urls, ask, true);
  assert.deepEqual(asked, ["a.test", "b.test", "b.test"]);
});

test("asks for a change again only where the server before was not reached", async () => {
  const refused = servers({ "a.test": "ECONNREFUSED" });
  await askAny([A, B], refused.ask, false);
  assert.deepEqual(refused.asked, ["a.test", "b.test"]);
  const urls = [A, B];
  const reset = servers({ "a.test": "ECONNRESET" });
  await assert.rejects(askAny(urls, reset.ask, false));
  assert.deepEqual(reset.asked, ["a.test"]);
  await askAny(urls, reset.ask, false);
  assert.deepEqual(reset.asked, ["a.test", "b.test"]);
});

test("says why the last one did not answer when none does", async () => {
  const { asked, ask } = servers({ "a.test": "ECONNREFUSED", "b.test": "ECONNREFUSED" });
  await assert.rejects(askAny([A, B], ask, true), /fetch failed/);
  assert.deepEqual(asked, ["a.test", "b.test"]);
});

test("asks the next when one only starts, for a change as well", async () => {
  const asked: string[] = [];
  const ask = async (url: URL) => {
    asked.push(url.host);
    return url.host === "a.test"
      ? Response.json({ code: "HEDDLE_NOT_READY" }, { status: 503 })
      : new Response("done");
  };
  assert.equal(await (await askAny([A, B], ask, false)).text(), "done");
  assert.deepEqual(asked, ["a.test", "b.test"]);
});

test("passes on that all only start, and any other 503 as it is", async () => {
  const starting = () => Response.json({ code: "HEDDLE_NOT_READY" }, { status: 503 });
  const all = await askAny([A, B], async () => starting(), true);
  assert.deepEqual(await all.json(), { code: "HEDDLE_NOT_READY" });
  const urls = [A, B];
  const asked: string[] = [];
  const away = await askAny(
    urls,
    async (url) => {
      asked.push(url.host);
      return Response.json({ code: "HEDDLE_DATABASE_UNAVAILABLE" }, { status: 503 });
    },
    true,
  );
  assert.equal(away.status, 503);
  assert.deepEqual(asked, ["a.test"]);
});
