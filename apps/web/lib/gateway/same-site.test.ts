import assert from "node:assert/strict";
import { test } from "node:test";
import { isFromOwnPages } from "./same-site.ts";

test("takes a change only from the console's own origin", () => {
  const host = "127.0.0.1:20001";
  const own = `http://${host}`;
  const table: [Record<string, string>, boolean][] = [
    [{ "sec-fetch-site": "same-origin", origin: own }, true],
    [{ "sec-fetch-site": "same-origin" }, true],
    [{ origin: own }, true],
    [{ "sec-fetch-site": "cross-site", origin: own }, false],
    [{ "sec-fetch-site": "same-site", origin: "http://127.0.0.1:9000" }, false],
    [{ "sec-fetch-site": "none" }, false],
    [{ origin: "http://127.0.0.1:9000" }, false],
    [{ origin: "https://evil.example" }, false],
    [{ origin: "null" }, false],
    [{ origin: "null", "sec-fetch-site": "same-origin" }, true],
    [{ origin: "null", "sec-fetch-site": "cross-site" }, false],
    [{ "sec-fetch-site": "same-origin", origin: "https://evil.example" }, false],
    [{}, false],
  ];
  for (const [headers, allowed] of table) {
    assert.equal(
      isFromOwnPages(new Headers({ host, ...headers })),
      allowed,
      JSON.stringify(headers),
    );
  }
});
