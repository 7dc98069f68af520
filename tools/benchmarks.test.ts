import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CASES } from "../bench/proxy/cases.ts";
import { readResults, rowsOf } from "../bench/proxy/results.ts";
import { pageSectionOf, tableOf } from "../bench/proxy/table.ts";

const [first] = CASES;

test("a ratio is the median of the rounds' ratios, and a peer without rounds is no row", () => {
  assert.ok(first);
  const of = (...list: number[]) => list.map((value) => ({ cpu_us_per_request: value }));
  const rows = rowsOf(
    first,
    new Map([
      ["heddle", of(10, 30, 20)],
      ["nginx", of(20, 20, 10)],
    ]),
  );
  assert.deepEqual(rows, [
    {
      name: first.name,
      subject: "heddle",
      peer: "nginx",
      metric: "cpu_us_per_request",
      subjectValue: 20,
      peerValue: 20,
      ratio: 1.5,
    },
  ]);
});

test("a run without peers still tells Heddle's own figures", () => {
  assert.ok(first);
  const rows = rowsOf(first, new Map([["heddle", [{ rss_mib: 80 }]]]));
  assert.deepEqual(
    rows.map(({ peer, subjectValue, ratio }) => [peer, subjectValue, ratio]),
    [["heddle", 80, 1]],
  );
});

test("the table says whether a target of the design is met", () => {
  const row = {
    name: "one hop, GET 1 KiB, 64 connections",
    subject: "heddle",
    peer: "nginx",
    metric: "cpu_us_per_request",
    subjectValue: 18.04,
    peerValue: 15,
    ratio: 1.2,
  } as const;
  assert.match(tableOf([row]), /\| 18\.0 +\| 15\.0 \(1\.20\) \| ≤ 1\.2 × nginx: met +\|$/);
  assert.match(tableOf([{ ...row, ratio: 1.21 }]), /≤ 1\.2 × nginx: missed/);
});

test("docs/benchmarks.md shows the figures that were measured", () => {
  const page = readFileSync(new URL("../docs/benchmarks.md", import.meta.url), "utf8");
  assert.ok(page.includes(pageSectionOf(readResults())), "run: npm run bench -- table");
});

test("docs/benchmarks.md tells every case by the id that --cases takes", () => {
  const page = readFileSync(new URL("../docs/benchmarks.md", import.meta.url), "utf8");
  for (const { id } of CASES) {
    const [, stem = id, last = ""] = /^(.*)(-[^-]+)$/.exec(id) ?? [];
    assert.ok(
      page.includes(`\`${id}\``) || (page.includes(`\`${stem}-`) && page.includes(`\`${last}\``)),
      id,
    );
  }
});
