import assert from "node:assert/strict";
import { test } from "node:test";
import type { Denial } from "@heddle/contracts";
import {
  callerInWords,
  fieldsInWords,
  ruleInWords,
  whyCommand,
  whyRequestOf,
} from "./denial-words.ts";

const denial: Denial = {
  id: "d",
  source: { namespace: "shop", workload: "cart-v5" },
  destination: { namespace: "shop", workload: "payments-v1" },
  effect: "denied",
  method: "POST",
  path: "/v2/charges/{*}",
  fields: [],
  count: 1,
  firstSeenMs: 0,
  lastSeenMs: 0,
  lastTraceId: "0",
};

test("names who calls by workload, else by address, else says that nobody knows", () => {
  assert.equal(callerInWords(denial.source), "cart-v5");
  assert.equal(callerInWords({ address: "10.0.4.17" }), "10.0.4.17");
  assert.equal(callerInWords({}), "an unknown caller");
});

test("tells a DENY rule from the ALLOW rule that came nearest", () => {
  assert.equal(ruleInWords({ ...denial, policy: "shop/no", rule: 2 }), "shop/no, rule 2");
  assert.equal(
    ruleInWords({ ...denial, nearest: { policy: "shop/yes", rule: 0 } }),
    "no ALLOW rule; nearest shop/yes, rule 0",
  );
  assert.equal(ruleInWords(denial), "no ALLOW rule");
});

test("says each field that did not fit once, in everyday words", () => {
  const fields = [
    "from[0].source.principals",
    "from[1].source.serviceAccounts",
    "to[0].operation.paths",
    "when[0]",
  ];
  assert.equal(fieldsInWords(fields), "who calls, the path, a condition");
});

test("asks why by the same request, a segment in place of each that varied", () => {
  assert.equal(whyRequestOf(denial).path, "/v2/charges/1");
  assert.equal(
    whyCommand(denial),
    "heddle why --from shop/cart-v5 --to shop/payments-v1 --method POST --path /v2/charges/{*}",
  );
});
