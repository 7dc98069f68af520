import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { couldBeHttp } from "./opaque-only.ts";

const cases: Readonly<Record<string, "yes" | "no" | "more">> = {
  "GET /admin HTTP/1.1\r\n": "yes",
  "GET /admin HTTP/": "yes",
  "GET /admin HT": "more",
  "GET /admin": "more",
  GE: "more",
  "": "more",
  "\r\n": "more",
  "\r\n\nGET /admin HTTP/1.1": "yes",
  "get\t/admin\tHTTP/1.1\n": "yes",
  "X_Y /admin HTTP/1.0\n": "yes",
  "GET /admin\r\n": "yes",
  "PRI * HTTP/2.0\r\n\r\nSM": "yes",
  "PRI * HT": "more",
  "get some-key\r\n": "no",
  "EHLO shop.example\r\n": "no",
  "*1\r\n$4\r\nPING\r\n": "no",
  "\u0016\u0003\u0001": "no",
  "\u0000\u0000\u0000\u0008": "no",
  "select 1 from dual": "no",
};
for (const [text, verdict] of Object.entries(cases)) {
  test(`${JSON.stringify(text)} ${verdict === "more" ? "shows nothing yet" : `is ${verdict === "yes" ? "" : "not "}taken for a request`}`, () => {
    assert.equal(couldBeHttp(Buffer.from(text, "latin1")), verdict);
  });
}

test("no request is let through, however it is cut into pieces", () => {
  const line = fc
    .tuple(
      fc.constantFrom("GET", "POST", "M-SEARCH", "x"),
      fc.webPath(),
      fc.constantFrom("1.0", "1.1"),
    )
    .map(([method, path, version]) => `${method} ${path || "/"} HTTP/${version}\r\n`);
  fc.assert(
    fc.property(line, fc.nat(), (text, at) => {
      const cut = at % text.length;
      assert.notEqual(couldBeHttp(Buffer.from(text.slice(0, cut), "latin1")), "no");
      assert.equal(couldBeHttp(Buffer.from(text, "latin1")), "yes");
    }),
  );
});
