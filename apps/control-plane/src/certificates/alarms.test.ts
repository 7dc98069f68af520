import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateCounts, StoredAuthority, StoredRotation } from "@heddle/store";
import * as x509 from "@peculiar/x509";
import { findAlarms } from "./alarms.ts";
import { KnownAuthorities } from "./known-authorities.ts";
import { importKey, makeIntermediate, makeRoot } from "./sign-certificate.ts";

const DAY_MS = 86_400_000;
const quiet: CertificateCounts = { inUse: 4, revoked: 0, overdue: 0, byIssuer: new Map() };

function stored(id: number, certificatePem: string, more: Partial<StoredAuthority>) {
  return {
    id,
    parentId: undefined,
    certificatePem,
    encryptedKey: Uint8Array.of(1),
    createdAtMs: 0,
    isFromFiles: false,
    isTrusted: true,
    isSigning: false,
    retiredAtMs: undefined,
    ...more,
  };
}

async function authorities(rotation?: StoredRotation): Promise<KnownAuthorities> {
  const root = await makeRoot("cluster.local", 3650 * DAY_MS);
  const issuer = {
    certificate: new x509.X509Certificate(root.certificatePem),
    key: await importKey(root.privateKey),
  };
  const intermediate = await makeIntermediate(issuer, "cluster.local", 365 * DAY_MS);
  return new KnownAuthorities({
    authorities: [
      stored(1, root.certificatePem, {}),
      stored(2, intermediate.certificatePem, { parentId: 1, isSigning: true }),
    ],
    rotation,
  });
}

const cases: Record<string, { readonly days: number; readonly alarms: readonly string[] }> = {
  "nothing while both are good": { days: 0, alarms: [] },
  "the intermediate a month before its end": {
    days: 340,
    alarms: ["warning intermediate-expires"],
  },
  "it again with more weight a week before": {
    days: 359,
    alarms: ["critical intermediate-expires"],
  },
  "that it has ended": { days: 366, alarms: ["critical authority-expired"] },
  "the root a year before its end": {
    days: 3300,
    alarms: ["critical authority-expired", "warning root-expires"],
  },
  "it again with more weight a month before": {
    days: 3630,
    alarms: ["critical authority-expired", "critical root-expires"],
  },
};
for (const [what, { days, alarms }] of Object.entries(cases)) {
  test(`tells of ${what}`, async () => {
    const facts = {
      known: await authorities(),
      counts: quiet,
      foreignRoots: [],
      waitsFor: undefined,
    };
    const found = findAlarms(facts, Date.now() + days * DAY_MS);
    assert.deepEqual(
      found.map(({ severity, code }) => `${severity} ${code}`),
      alarms,
    );
  });
}

test("tells of overdue renewals, of foreign roots and of a rotation that waits, the worst first", async () => {
  const nowMs = Date.now();
  const rotation: StoredRotation = {
    id: 1,
    of: "root",
    step: "signing",
    isStepwise: false,
    isPaused: false,
    fromAuthorityId: 2,
    toAuthorityId: 2,
    startedAtMs: nowMs - 3 * 3_600_000,
    startedBy: "ada",
    reason: undefined,
    stepSinceMs: nowMs - 2 * 3_600_000,
    finishedAtMs: undefined,
  };
  const found = findAlarms(
    {
      known: await authorities(rotation),
      counts: { ...quiet, overdue: 2 },
      foreignRoots: [{ trustDomain: "partner.example", subject: "CN=x", notAfterMs: nowMs - 1000 }],
      waitsFor: "signing: 1 of 2 proxies; waiting for ratings-2, away since 14:32 UTC",
    },
    nowMs,
  );
  assert.deepEqual(
    found.map(({ code }) => code),
    ["foreign-root-expires", "renewal-overdue", "rotation-waits"],
  );
  assert.match(found[2]?.message ?? "", /has not moved for 2 h: signing: 1 of 2 proxies/);
});
