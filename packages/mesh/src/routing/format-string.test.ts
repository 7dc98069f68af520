import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileFormat, type FormatFacts, InvalidFormatError } from "./format-string.ts";

const headers: Record<string, string> = { user: "jo", ":path": "/a?b=1", empty: "" };
const facts: FormatFacts = {
  startTimeMs: Date.UTC(2026, 10, 21, 15, 4, 5, 678),
  requestHeader: (name) => headers[name],
  responseHeader: (name) => (name === "server" ? "nginx" : undefined),
  formatValue: (operator) =>
    operator === "DOWNSTREAM_REMOTE_ADDRESS" ? "127.0.0.1:4711" : undefined,
};

function format(text: string): string {
  const compiled = compileFormat(text);
  return typeof compiled === "string" ? compiled : compiled(facts);
}

const cases: Record<string, string> = {
  "": "",
  plain: "plain",
  "100%%": "100%",
  "%REQ(user)%": "jo",
  "%REQ(User)%": "jo",
  "<%REQ(user)%>": "<jo>",
  "%REQ(none)%": "",
  "%REQ(none?user)%": "jo",
  "%REQ(empty?user)%": "jo",
  "%REQ(user?none)%": "jo",
  "%REQ(:PATH):2%": "/a",
  "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%": "/a?b=1",
  "%RESP(server)%": "nginx",
  "%DOWNSTREAM_REMOTE_ADDRESS%": "127.0.0.1:4711",
  "%DOWNSTREAM_REMOTE_ADDRESS:3%": "127",
  "%PROTOCOL%": "",
  "%START_TIME%": "2026-11-21T15:04:05.678Z",
  "%START_TIME(%s)%": "1795273445",
  "%START_TIME(%Y/%m/%d %H:%M:%S.%3f)%": "2026/11/21 15:04:05.678",
  "%START_TIME(%F at %T.%f)%": "2026-11-21 at 15:04:05.678000000",
};
for (const [text, expected] of Object.entries(cases)) {
  test(`"${text}" becomes "${expected}"`, () => assert.equal(format(text), expected));
}

for (const text of [
  "%",
  "100%",
  "%REQ%",
  "%REQ()%",
  "%REQ(a?b?c)%",
  "%REQ(a b)%",
  "%REQ(user):x%",
  "%NO_SUCH%",
  "%CEL(request.path)%",
  "%PROTOCOL(x)%",
  "%START_TIME(%Q)%",
  "%REQ(user",
  "%REQ(user)",
]) {
  test(`"${text}" is refused when the rule arrives`, () => {
    assert.throws(() => compileFormat(text), InvalidFormatError);
  });
}

test("a text whose percent signs are doubled comes out as it was", () => {
  fc.assert(
    fc.property(fc.string(), (text) => assert.equal(format(text.replaceAll("%", "%%")), text)),
  );
});

test("any text compiles or is refused with its own error", () => {
  const piece = fc.constantFrom("%", "REQ", "(", ")", "user", ":", "3", "?", "START_TIME", "%s");
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      try {
        format(pieces.join(""));
      } catch (error) {
        assert.ok(error instanceof InvalidFormatError, String(error));
      }
    }),
  );
});
