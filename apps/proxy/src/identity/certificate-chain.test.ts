import assert from "node:assert/strict";
import { test } from "node:test";
import { plainSerial, uriNamesOf } from "./certificate-chain.ts";

const front = "spiffe://cluster.local/ns/shop/sa/front";
const names: Record<string, readonly [written: string | undefined, uris: readonly string[]]> = {
  "one URI": [`URI:${front}`, [front]],
  "a URI among others": [`DNS:front.shop, URI:${front}, IP Address:10.0.0.1`, [front]],
  "two URIs": [`URI:${front}, URI:https://x.example/`, [front, "https://x.example/"]],
  "a host name that would be a URI": [`DNS:"x, URI:${front}"`, []],
  "a quoted URI, which is one": [`URI:"${front}, x"`, [`${front}, x`]],
  "a quote that does not end": [`DNS:"x, URI:${front}`, []],
  "no names": [undefined, []],
};
for (const [title, [written, uris]] of Object.entries(names)) {
  test(`${title}: ${uris.length} URI names`, () => {
    assert.deepEqual(uriNamesOf({ subjectAltName: written }), uris);
  });
}

test("a serial number is the same however its zeros and letters are written", () => {
  assert.equal(plainSerial("00AB12"), "ab12");
  assert.equal(plainSerial("ab12"), "ab12");
  assert.equal(plainSerial("0"), "0");
});
