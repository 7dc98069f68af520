// The files that users of Istio try first, applied one by one as they stand and, where they shape traffic of
// the mesh, held to it; and Istio's own cases of what is valid. They lie outside the project (see
// harness/corpora.ts); without them these tests are skipped.
import assert from "node:assert/strict";
import net from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { countByApp, readUntil } from "./harness/case-mesh.ts";
import { readCorpus } from "./harness/corpora.ts";
import { CorpusMesh } from "./harness/corpus-mesh.ts";
import { startSeenApp } from "./harness/seen-app.ts";

const samples = readCorpus("istio-samples");
const validation = readCorpus("istio-validation");
const BOOKINFO = "bookinfo/networking";
const TESTDATA = "testdata-config";

let mesh: CorpusMesh;
const cleanups: (() => void | Promise<void>)[] = [];

before(
  async () => {
    if (samples === undefined) return;
    const scope = { after: (cleanup: () => void | Promise<void>) => cleanups.push(cleanup) };
    mesh = await CorpusMesh.start(scope, {
      default: {
        calls: ["productpage"],
        serves: [
          "reviews-v1",
          "reviews-v2",
          "reviews-v3",
          "ratings-v1",
          "ratings-v2",
          "details-v1",
          "details-v2",
        ],
      },
      testns: { calls: ["caller-v1", "caller-v2"], serves: [] },
    });
  },
  { timeout: 240_000 },
);
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** How many of a hundred requests of productpage each app of a service gets. */
type Shares = Readonly<Record<string, number>>;
type Row = readonly [file: string, host: string, shares: Shares, user?: string];

const ALL_V1: Shares = { "reviews-v1": 100 };
const ROWS: readonly Row[] = [
  ["virtual-service-all-v1", "reviews", ALL_V1],
  ["virtual-service-all-v1", "details", { "details-v1": 100 }],
  ["virtual-service-reviews-v3", "reviews", { "reviews-v3": 100 }],
  ["virtual-service-reviews-50-v3", "reviews", { "reviews-v1": 50, "reviews-v3": 50 }],
  ["virtual-service-reviews-80-20", "reviews", { "reviews-v1": 80, "reviews-v2": 20 }],
  ["virtual-service-reviews-90-10", "reviews", { "reviews-v1": 90, "reviews-v2": 10 }],
  ["virtual-service-reviews-v2-v3", "reviews", { "reviews-v2": 50, "reviews-v3": 50 }],
  ["virtual-service-reviews-test-v2", "reviews", ALL_V1],
  ["virtual-service-reviews-test-v2", "reviews", { "reviews-v2": 100 }, "jason"],
  ["virtual-service-reviews-jason-v2-v3", "reviews", { "reviews-v3": 100 }],
  ["virtual-service-reviews-jason-v2-v3", "reviews", { "reviews-v2": 100 }, "jason"],
  ["virtual-service-details-v2", "details", { "details-v2": 100 }],
  ["virtual-service-ratings-db", "ratings", { "ratings-v2": 100 }],
  ["virtual-service-ratings-test-abort", "ratings", { "ratings-v1": 100 }],
  ["virtual-service-ratings-test-abort", "ratings", { "proxy 500": 100 }, "jason"],
  ["fault-injection-details-v1", "details", { "proxy 555": 100 }],
];

async function bookinfo(file: string): Promise<void> {
  if (file !== "fault-injection-details-v1") {
    await mesh.apply(samples?.get(`${BOOKINFO}/destination-rule-all.yaml`));
  }
  await mesh.apply(samples?.get(`${BOOKINFO}/${file}.yaml`));
}

const skip = samples === undefined ? "istio-samples are not here; set HEDDLE_CORPORA" : false;

describe("Istio's samples", { skip, concurrency: 1 }, () => {
  afterEach(() => mesh.reset());

  for (const name of samples?.keys() ?? []) {
    test(`${name} is imported with warnings at most`, async () => {
      // As their instructions say: the subsets first.
      if (name.startsWith(`${BOOKINFO}/virtual-service`)) {
        await mesh.apply(samples?.get(`${BOOKINFO}/destination-rule-all-mtls.yaml`));
      }
      await mesh.apply(samples?.get(name));
    });
  }

  for (const [file, host, shares, user] of ROWS) {
    const who = user === undefined ? "requests" : `${user}'s requests`;
    const told = Object.entries(shares).map(([app, share]) => `${share} % to ${app}`);
    test(`${file}: ${who} for ${host} go ${told.join(", ")}`, async () => {
      await bookinfo(file);
      const headers = user === undefined ? {} : { "end-user": user };
      const counts = countByApp(await mesh.calls(40, "productpage", host, { headers }));
      for (const app of new Set([...Object.keys(shares), ...Object.keys(counts)])) {
        const expected = ((shares[app] ?? 0) * 40) / 100;
        // Drawn evenly from a random start: a run of 40 is off by two at most (decision 15).
        const isCertain = shares[app] === 100 || shares[app] === undefined;
        const offBy = Math.abs((counts[app] ?? 0) - expected);
        assert.ok(offBy <= (isCertain ? 0 : 2), JSON.stringify(counts));
      }
    });
  }

  test("virtual-service-ratings-test-delay: jason waits for seven seconds, nobody else", async () => {
    await bookinfo("virtual-service-ratings-test-delay");
    const jason = mesh.call("productpage", "ratings", { headers: { "end-user": "jason" } });
    assert.ok((await mesh.call("productpage", "ratings")).tookMs < 6_900);
    const { status, tookMs } = await jason;
    assert.ok(status === 200 && tookMs >= 6_990, `${status} after ${tookMs} ms`);
  });

  test("destination-rule-all-mtls: calls are by mTLS", async () => {
    await mesh.apply(samples?.get(`${BOOKINFO}/destination-rule-all-mtls.yaml`));
    const { seen } = await mesh.call("productpage", "reviews");
    assert.match(seen.headers["x-forwarded-client-cert"] ?? "", /sa\/productpage/);
  });

  describe("rules of hosts outside, at addresses of this machine", () => {
    const ports: Record<string, number> = {};
    before(async () => {
      const one = await startSeenApp(mesh.scope, "ext-v1", undefined, { address: "127.0.0.2" });
      const two = await startSeenApp(mesh.scope, "ext-v2", undefined, { address: "127.0.0.3" });
      Object.assign(ports, {
        "7072": one.port,
        "8080": one.port,
        "7074": two.port,
        "8081": two.port,
      });
    });

    /** The files name fixed ports of their endpoints, which may be taken here. */
    const apply = (name: string) => {
      const text = samples?.get(`${TESTDATA}/${name}.yaml`);
      return mesh.apply(
        text?.replaceAll(/^(\s+http: )(\d+)$/gm, (line, key: string, port: string) =>
          ports[port] === undefined ? line : `${key}${ports[port]}`,
        ),
      );
    };

    test("rule-weighted-route: 75 % to v1, 25 % to v2", async () => {
      await apply("rule-weighted-route");
      const counts = countByApp(await mesh.calls(40, "caller-v1", "c-weighted.extsvc.com"));
      assert.ok(Math.abs((counts["ext-v1"] ?? 0) - 30) <= 2, JSON.stringify(counts));
      assert.equal((counts["ext-v1"] ?? 0) + (counts["ext-v2"] ?? 0), 40);
    });

    test("rule-content-route: only v1 of the caller, and only with version v2, gets v2", async () => {
      await apply("rule-weighted-route");
      await apply("rule-content-route");
      const headers = { version: "v2" };
      const app = async (from: string, more = {}) =>
        (await mesh.call(from, "headers.test.istio.io", more)).app;
      assert.equal(await app("caller-v1", { headers }), "ext-v2");
      assert.equal(await app("caller-v1"), "ext-v1");
      assert.equal(await app("caller-v2", { headers }), "ext-v1");
    });

    test("rule-regex-route: a header that matches as a whole gets v2", async () => {
      await apply("rule-regex-route");
      const app = async (foo: string) => {
        const host = "regex.extsvc.com:9003";
        return (await mesh.call("caller-v1", host, { headers: { foo } })).app;
      };
      assert.deepEqual([await app("bar"), await app("abar")], ["ext-v2", "ext-v1"]);
    });

    test("rule-redirect-injection: sends to another host and path", async () => {
      await apply("rule-redirect-injection");
      const host = "redirect.test.istio.io:8080";
      const answer = await mesh.call("caller-v1", host, { headers: { testredirect: "enabled" } });
      assert.equal(answer.status, 301);
      assert.equal(answer.headers["location"], "http://redirect2.test.istio.io/new/path");
    });

    test("rule-default-route-append-headers: the app sees the header", async () => {
      await apply("rule-default-route-append-headers");
      const { seen } = await mesh.call("caller-v1", "appendh.test.istio.io");
      assert.equal(seen.headers["istio-custom-header"], "user-defined-value");
    });

    test("rule-default-route-cors-policy: answers preflights of its origin", async () => {
      await apply("rule-default-route-cors-policy");
      const headers = { origin: "http://foo.example", "access-control-request-method": "POST" };
      const options = { method: "OPTIONS", headers };
      const answer = await mesh.call("caller-v1", "cors.test.istio.io", options);
      assert.equal(answer.headers["access-control-allow-methods"], "POST,GET,OPTIONS");
      assert.equal(answer.headers["access-control-max-age"], "300");
    });

    test("rule-websocket-route: bytes go both ways after the upgrade", async (t) => {
      await apply("rule-websocket-route");
      const socket = net.connect(mesh.outboundPort("caller-v1"), "127.0.0.1");
      t.after(() => void socket.destroy());
      const fields = "Upgrade: websocket\r\nConnection: Upgrade\r\ntestwebsocket: enabled";
      const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13";
      socket.write(
        `GET /chat HTTP/1.1\r\nHost: websocket.test.istio.io:9002\r\n${fields}\r\n${key}\r\n\r\n`,
      );
      assert.match(await readUntil(socket, "\r\n\r\n"), /^HTTP\/1\.1 101 /);
      socket.write("ping\n");
      assert.equal(await readUntil(socket, "\n"), "ping");
    });

    test("rule-fault-injection: the one caller meant waits, then fails", async () => {
      await apply("rule-fault-injection");
      const host = "fault.test.istio.io:8080";
      const { status, tookMs, headers } = await mesh.call("caller-v1", host, {
        headers: { version: "v2" },
      });
      assert.ok(status === 503 && tookMs >= 4_990, `${status} after ${tookMs} ms`);
      assert.match(headers["x-heddle-flags"] ?? "", /FI/);
      assert.equal((await mesh.call("caller-v2", host)).status, 404);
    });
  });
});

const MARK = /^_err:.*(\n[ \t]+.*)*\n?/m;

/** Documents of a file, each with the words Istio names (`_err`) taken out. */
function documentsOf(text: string): string[] {
  const parts = text.split(/^---.*$/m).map((part) => part.replace(MARK, ""));
  return parts.filter((part) => /^kind:/m.test(part));
}

describe("Istio's cases of what is valid, through the API", {
  skip: validation === undefined ? "istio-validation is not here; set HEDDLE_CORPORA" : skip,
}, () => {
  for (const [name, text] of validation ?? []) {
    const isValid = name.endsWith("-valid.yaml");
    test(`${name}: every document is ${isValid ? "accepted" : "refused"}`, async () => {
      const wrong: string[] = [];
      for (const yaml of documentsOf(text)) {
        const body = { yaml, dryRun: true };
        const { status, body: answer } = await mesh.mesh.call("POST", "/apply", body);
        const isRight = isValid ? status === 200 : status === 422;
        if (!isRight) wrong.push(`${status} ${JSON.stringify(answer)} for ${yaml}`);
      }
      assert.deepEqual(wrong, []);
    });
  }
});
