import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { effectivePolicy } from "./effective-policy.ts";
import type { ConnectionPool, LeveledPolicy, TrafficPolicy } from "./traffic-policy.ts";

const pool = (maxRequests: number): ConnectionPool => ({ maxRequests });
const tls = (sni: string): TrafficPolicy["tls"] => ({ mode: "SIMPLE", sni });
const random = { algorithm: { kind: "random" } } as const;

// Every level says both blocks, one of them or nothing; port 80 is the one that has entries.
const RULE: LeveledPolicy = {
  connectionPool: pool(1),
  tls: tls("rule"),
  retryBudget: { ratio: 0.1, minConcurrency: 1 },
};
const RULE_WITH_PORT: LeveledPolicy = { ...RULE, ports: { 80: { connectionPool: pool(2) } } };
const SUBSET: LeveledPolicy = { connectionPool: { maxConnections: 3 } };
const SUBSET_WITH_PORT: LeveledPolicy = { ...SUBSET, ports: { 80: { loadBalancer: random } } };

type Expected = { pool?: ConnectionPool; sni?: string; algorithm?: string };
const cases: readonly [
  title: string,
  rule: LeveledPolicy | undefined,
  subset: LeveledPolicy | undefined,
  port: number | undefined,
  expected: Expected,
][] = [
  ["nothing said leaves every block to the defaults", undefined, undefined, 80, {}],
  ["the rule's blocks hold for every port", RULE, undefined, 80, { pool: pool(1), sni: "rule" }],
  [
    "a port entry replaces all blocks of its rule",
    RULE_WITH_PORT,
    undefined,
    80,
    { pool: pool(2) },
  ],
  [
    "another port keeps the rule's blocks",
    RULE_WITH_PORT,
    undefined,
    81,
    { pool: pool(1), sni: "rule" },
  ],
  [
    "an unknown port keeps the rule's blocks",
    RULE_WITH_PORT,
    undefined,
    undefined,
    { pool: pool(1), sni: "rule" },
  ],
  [
    "a block of the subset replaces the rule's block as a whole",
    RULE,
    SUBSET,
    80,
    { pool: { maxConnections: 3 }, sni: "rule" },
  ],
  [
    "the subset's blocks go over the rule's port entry",
    RULE_WITH_PORT,
    SUBSET,
    80,
    { pool: { maxConnections: 3 } },
  ],
  [
    "a port entry of the subset replaces everything below it",
    RULE_WITH_PORT,
    SUBSET_WITH_PORT,
    80,
    { algorithm: "random" },
  ],
  [
    "a port entry of the subset leaves its other ports alone",
    RULE_WITH_PORT,
    SUBSET_WITH_PORT,
    81,
    { pool: { maxConnections: 3 }, sni: "rule" },
  ],
  [
    "a subset without a rule's policy stands alone",
    undefined,
    SUBSET,
    80,
    { pool: { maxConnections: 3 } },
  ],
];

for (const [title, rule, subset, port, expected] of cases) {
  test(title, () => {
    const policy = effectivePolicy(rule, subset, port);
    assert.deepEqual(policy.connectionPool, expected.pool);
    assert.equal(policy.tls?.sni, expected.sni);
    assert.equal(policy.loadBalancer?.algorithm.kind, expected.algorithm);
  });
}

test("a port entry keeps the retry budget of its level, which it cannot hold", () => {
  assert.deepEqual(effectivePolicy(RULE_WITH_PORT, undefined, 80).retryBudget, RULE.retryBudget);
  const budget = { ratio: 0.5, minConcurrency: 9 };
  const subset = { ...SUBSET_WITH_PORT, retryBudget: budget };
  assert.deepEqual(effectivePolicy(RULE, subset, 80).retryBudget, budget);
});

test("every block comes from exactly one level, never mixed field by field", () => {
  const block = fc.option(fc.record({ maxRequests: fc.nat(9), maxRetries: fc.nat(9) }), {
    nil: undefined,
  });
  const plain = fc.record({ connectionPool: block });
  const level = fc.option(
    fc.record({
      connectionPool: block,
      ports: fc.option(fc.record({ 80: plain }), { nil: undefined }),
    }),
    { nil: undefined },
  );
  fc.assert(
    fc.property(level, level, (rule, subset) => {
      const said: unknown[] = [rule, subset].flatMap((one) => [
        one?.connectionPool,
        one?.ports?.[80].connectionPool,
      ]);
      assert.ok([undefined, ...said].includes(effectivePolicy(rule, subset, 80).connectionPool));
    }),
  );
});
