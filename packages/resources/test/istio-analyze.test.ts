// Istio's own cases for `istioctl analyze`: exactly the findings it gives for the codes of each case's analyzer.
// They lie outside the project: in $HEDDLE_CORPORA or ../shared/corpora, and without them nothing runs.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { analyze } from "../src/index.ts";

const projectRoot = join(import.meta.dirname, "../../..");
const corpora = process.env["HEDDLE_CORPORA"] ?? join(projectRoot, "../shared/corpora");
const folder = join(corpora, "istio-analyze");

/** Which codes an analyzer of Istio's can give. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  "deprecation.FieldAnalyzer": ["IST0002"],
  "gateway.IngressGatewayPortAnalyzer": ["IST0101", "IST0162"],
  "gateway.SecretAnalyzer": ["IST0101", "IST0161"],
  "gateway.ConflictingGatewayAnalyzer": ["IST0101", "IST0145"],
  "gateway.CertificateAnalyzer": ["IST0138"],
  "service.PortNameAnalyzer": ["IST0118", "IST0150"],
  "sidecar.SelectorAnalyzer": ["IST0101", "IST0110", "IST0111", "IST0167"],
  "virtualservice.ConflictingMeshGatewayHostsAnalyzer": ["IST0109"],
  "virtualservice.DestinationRuleAnalyzer": ["IST0101"],
  "virtualservice.GatewayAnalyzer": ["IST0101", "IST0132", "IST0165"],
  "authn.BlockedCIDRsAnalyzer": ["IST0175"],
  "authz.AuthorizationPoliciesAnalyzer": ["IST0101", "IST0127"],
  "destinationrule.CaCertificateAnalyzer": ["IST0128", "IST0129"],
  "destinationrule.PodNotSelectedAnalyzer": ["IST0173", "IST0174"],
  "schemaValidation.CollectionValidationAnalyzer": ["IST0106", "IST0130", "IST0131", "IST0133"],
  "telemetry.ProviderAnalyzer": ["IST0157"],
  "telemetry.DefaultSelectorAnalyzer": ["IST0160"],
  "serviceentry.ProtocolAddressesAnalyzer": ["IST0134"],
  "serviceentry.ConflictingServiceEntryProtocolAnalyzer": ["IST0177"],
};

const Cases = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      files: z.array(z.string()),
      analyzer: z.string(),
      expected: z.array(z.tuple([z.string(), z.string(), z.string()])),
    }),
  ),
});

if (!existsSync(folder)) {
  test("istio-analyze is not here", { skip: `no ${folder}; set HEDDLE_CORPORA` }, () => undefined);
} else {
  const { cases } = Cases.parse(JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")));
  for (const { name, files, analyzer, expected } of cases) {
    test(`finds what Istio does: ${name} (${files.join(", ")})`, () => {
      const family = FAMILIES[analyzer];
      assert.ok(family, `codes of ${analyzer} are not known`);
      const { findings } = analyze({
        files: files.map((file) => ({
          name: file,
          text: readFileSync(join(folder, file), "utf8"),
        })),
        nowMs: Date.UTC(2026, 10, 21),
      });
      const told = findings
        .filter(({ code }) => family.includes(code))
        .map(({ code, severity, resource }) => `${code} ${severity} ${resource}`);
      const wanted = expected.map(([code, level, at]) => `${code} ${level.toLowerCase()} ${at}`);
      assert.deepEqual(told.sort(), wanted.sort());
    });
  }
}
