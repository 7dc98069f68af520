import assert from "node:assert/strict";
import { promises } from "node:dns";
import { test } from "node:test";
import { type DnsLookup, type DnsSourceDocument, parseResources } from "@heddle/resources";
import { type ServedRecord, startDnsServer } from "@heddle/testkit";
import { emptyContent } from "../source-content.ts";
import { composeReading, nextAskMs } from "./dns-reading.ts";
import { LookupFailedError, resolveLookup } from "./resolve-lookup.ts";

const lookup = (name: string, type: DnsLookup["type"]): DnsLookup => ({
  ...{ name, type, port: 5432, labels: {}, locality: undefined, weight: undefined },
});
const address = (text: string, ttl = 30): ServedRecord => ({ type: "A", address: text, ttl });
const service = (target: string, port: number, priority: number, weight: number): ServedRecord => ({
  ...{ type: "SRV", target, port, priority, weight, ttl: 5 },
});

test("the DNS is asked for addresses and services, with ports, weights and the least TTL", async (t) => {
  const server = await startDnsServer(t);
  const resolver = new promises.Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([server.address]);
  server.records.set("db.test", [address("10.0.0.2"), address("10.0.0.1", 10), address("0.0.0.0")]);
  assert.deepEqual(await resolveLookup(resolver, lookup("db.test", "ADDRESS")), {
    endpoints: ["10.0.0.1", "10.0.0.2"].map((one) => ({ address: one, port: 5432 })),
    ttlSeconds: 10,
  });
  server.records.set("a.test", [address("10.0.1.1", 60)]);
  server.records.set("_db._tcp.test", [
    service("a.test", 7001, 10, 0),
    service("db.test", 7002, 20, 5),
  ]);
  assert.deepEqual(await resolveLookup(resolver, lookup("_db._tcp.test", "SRV")), {
    endpoints: [{ address: "10.0.1.1", port: 7001, weight: 1 }],
    ttlSeconds: 60,
  });
  const nothing = { endpoints: [], ttlSeconds: undefined };
  assert.deepEqual(await resolveLookup(resolver, lookup("none.test", "A")), nothing);
  assert.deepEqual(await resolveLookup(resolver, lookup("_none._tcp.test", "SRV")), nothing);
  server.records.set("db.test", "broken");
  await assert.rejects(resolveLookup(resolver, lookup("db.test", "A")), (error) => {
    assert.ok(error instanceof LookupFailedError);
    assert.equal(error.message, "db.test: the DNS does not answer (ESERVFAIL)");
    return true;
  });
});

function readSource(lookups: string): DnsSourceDocument {
  const parsed = parseResources(
    `apiVersion: heddle.dev/v1\nkind: DnsSource\nmetadata: {name: db, namespace: shop}\nspec: {lookups: [${lookups}], port: {number: 5432, protocol: tcp}, minInterval: 5s, maxInterval: 60s}`,
  );
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const resource = parsed.resources[0]?.resource;
  assert.ok(resource?.kind === "DnsSource");
  return resource;
}

test("answers make one document; a name whose servers do not answer keeps what it said last", () => {
  const source = readSource("{name: a.test, labels: {version: v1}}, {name: b.test, type: A}");
  const before = emptyContent(0);
  const first = composeReading(
    source,
    new Map([
      ["ADDRESS a.test", { endpoints: [{ address: "10.0.0.1", port: 5432 }], ttlSeconds: 30 }],
      ["A b.test", { endpoints: [{ address: "10.0.0.2", port: 5432 }], ttlSeconds: 30 }],
    ]),
    before,
    1000,
  );
  const [document] = first.documents ?? [];
  assert.match(document?.yaml ?? "", /- db\.shop\.svc\.cluster\.local/);
  assert.match(document?.yaml ?? "", /version: v1/);
  assert.deepEqual([document?.dependsOn, first.faults], ["DnsSource shop/db", []]);
  const known = {
    ...before,
    documents: [...(first.documents ?? [])],
    lookups: [...(first.lookups ?? [])],
  };
  const failed = composeReading(
    source,
    new Map([["A b.test", { problem: "b.test: the DNS does not answer (ETIMEOUT)" }]]),
    known,
    2000,
  );
  assert.equal(failed.documents?.[0]?.yaml, document?.yaml);
  assert.deepEqual(
    failed.faults.map(({ message }) => message),
    ["b.test: the DNS does not answer (ETIMEOUT); its last answer stays in use"],
  );
  const emptied = composeReading(
    source,
    new Map([["A b.test", { endpoints: [], ttlSeconds: undefined }]]),
    known,
    3000,
  );
  assert.doesNotMatch(emptied.documents?.[0]?.yaml ?? "", /10\.0\.0\.2/);
  assert.match(emptied.faults[0]?.message ?? "", /b\.test: the DNS knows no A of that name/);
});

test("a name is asked for again when its TTL is over, within bounds, and soon after a failure", () => {
  const source = readSource("{name: a.test}");
  const after = (ttlSeconds: number) => nextAskMs(source, { endpoints: [], ttlSeconds }, 0);
  assert.deepEqual([after(0), after(30), after(3600)], [5000, 30_000, 60_000]);
  assert.equal(nextAskMs(source, { problem: "no answer" }, 0), 5000);
});
