import assert from "node:assert/strict";
import { test } from "node:test";
import { ruleSubject } from "./rule-subject.ts";
import { RULE_TEMPLATES } from "./rule-templates.ts";
import { editRule, readRule } from "./rule-yaml.ts";

const subjects = {
  "kind: VirtualService\nspec: { hosts: [reviews, ratings] }": "reviews, ratings",
  "kind: DestinationRule\nspec: { host: reviews }": "reviews",
  "kind: TrafficPolicy\nspec: { destinations: [{ host: ratings }] }": "to ratings",
  "kind: RateLimit\nspec: { selector: { matchLabels: { app: ratings, version: v1 } } }":
    "ratings v1",
  "kind: Sidecar\nspec: { workloadSelector: { labels: { tier: front } } }": "tier=front",
  "kind: WorkloadEntry\nspec: { address: 10.0.0.1 }": "10.0.0.1",
  "kind: PeerAuthentication\nmetadata: { namespace: shop }": "all of shop",
};
for (const [yaml, subject] of Object.entries(subjects)) {
  test(`${yaml.split("\n")[0]} is about ${subject}`, () => {
    assert.equal(ruleSubject(yaml), subject);
  });
}

for (const template of RULE_TEMPLATES) {
  test(`the template "${template.title}" is a rule in the form rules are kept in`, () => {
    const yaml = template.yaml({ namespace: "shop", service: "reviews", versions: ["v1", "v2"] });
    const rule = readRule(yaml);
    assert.ok(rule.kind === "rule" && !rule.hasMore);
    assert.equal(rule.identity.kind, template.kind);
    assert.equal(rule.identity.namespace, "shop");
    assert.equal(editRule(yaml, []), yaml);
  });
}
