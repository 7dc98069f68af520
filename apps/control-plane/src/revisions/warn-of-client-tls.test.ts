import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSnapshot } from "../snapshot/config-snapshot.ts";
import { document, parseDocuments } from "../snapshot/test-documents.ts";
import { checkDocuments } from "./check-documents.ts";
import { textsOf } from "./coded-warning.ts";

const till = { namespace: "shop", labels: { app: "till", version: "v1" } };

/** The warnings of a client's `tls` against a server's mode, by the documents that bear them. */
function warningsOf(tls: string, mode: string): readonly string[] {
  const snapshot = compileSnapshot(
    1,
    parseDocuments(
      document("DestinationRule", "till", "shop", `{host: till, trafficPolicy: {tls: {${tls}}}}`),
      document("PeerAuthentication", "till", "shop", `{mtls: {mode: ${mode}}}`),
    ),
  );
  const changed = new Set(snapshot.documents.keys());
  const { warnings } = checkDocuments(snapshot, compileSnapshot(0, new Map()), changed, {
    trustDomain: "cluster.local",
    isServed: () => true,
    workloads: () => [till],
    versionsOf: () => new Set<string | undefined>(),
  });
  return textsOf(warnings);
}

const traps: Record<string, { tls: string; mode: string; says?: RegExp }> = {
  "plaintext to STRICT": {
    tls: "mode: DISABLE",
    mode: "STRICT",
    says: /STRICT, and refuses plaintext/,
  },
  "tls without a mode, which is DISABLE, to STRICT": {
    tls: "sni: x.example",
    mode: "STRICT",
    says: /mode: DISABLE, but shop\/till, version v1, is STRICT/,
  },
  "TLS of its own to STRICT": {
    tls: "mode: SIMPLE",
    mode: "STRICT",
    says: /without a certificate/,
  },
  "mTLS to DISABLE": { tls: "mode: ISTIO_MUTUAL", mode: "DISABLE", says: /ends no TLS/ },
  "mTLS to STRICT": { tls: "mode: ISTIO_MUTUAL", mode: "STRICT" },
  "plaintext to PERMISSIVE": { tls: "mode: DISABLE", mode: "PERMISSIVE" },
};
for (const [title, { tls, mode, says }] of Object.entries(traps)) {
  test(`${title} ${says === undefined ? "is understood" : "is warned of, at the rule and at the policy"}`, () => {
    const warnings = warningsOf(tls, mode).filter((one) => /tls\.mode/.test(one));
    assert.equal(warnings.length, says === undefined ? 0 : 2, warnings.join("\n"));
    for (const warning of warnings) assert.match(warning, says ?? /never/);
  });
}
