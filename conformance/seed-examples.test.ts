// The configuration of articles about service meshes, applied as it stands and held to what its article says.
// It lies outside the project (see harness/corpora.ts); without it these tests are skipped.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { waitFor } from "@heddle/testkit";
import { countByApp } from "./harness/case-mesh.ts";
import { readCorpus } from "./harness/corpora.ts";
import { CorpusMesh } from "./harness/corpus-mesh.ts";
import { socketsTo } from "./harness/kernel-sockets.ts";
import type { CallOptions } from "./harness/send-request.ts";

const files = readCorpus("seed-examples");
const skip = files === undefined ? "seed-examples are not here; set HEDDLE_CORPORA" : false;

let mesh: CorpusMesh;
const cleanups: (() => void | Promise<void>)[] = [];

/** Workloads of the articles. */
async function start(): Promise<void> {
  const scope = { after: (cleanup: () => void | Promise<void>) => cleanups.push(cleanup) };
  mesh = await CorpusMesh.start(scope, {
    default: {
      calls: ["order-service", "web"],
      serves: [
        "payment-service-v1",
        "payment-service-v2",
        "reviews-service-v1",
        "reviews-service-v2",
        "inventory-service-v1",
      ],
    },
    production: { calls: ["checkout"], serves: ["payments-service-v1", "catalog-v1"] },
  });
}

const fileOf = (name: string) => files?.get(name) ?? "";

describe("the examples of the articles", { skip }, () => {
  before(start, { timeout: 240_000 });
  afterEach(() => mesh.reset());
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  test("01 circuit breaking: five errors in a row take an endpoint out, two requests use up a connection", async () => {
    const warnings = await mesh.apply(fileOf("01-circuit-breaking.yaml"));
    assert.match(warnings.join("\n"), /networking\.example\.com/);
    assert.match(warnings.join("\n"), /consecutiveErrors/);
    const bad = mesh.apps.get("payment-service-v1");
    assert.ok(bad);
    await waitFor("v1 has failed five times", 15_000, async () => {
      await mesh.call("web", "payment-service", {
        method: "POST",
        do: "status=500@payment-service-v1",
      });
      return bad.seen.length >= 5;
    });
    const answers = await mesh.calls(10, "web", "payment-service");
    assert.deepEqual(countByApp(answers), { "payment-service-v2": 10 });
    // Between the sidecars: ten requests of v2's took five connections at least.
    const port = mesh.inboundPort("payment-service-v2");
    assert.ok(socketsTo(port).length >= 5, `${socketsTo(port).length} connections`);
  });

  test("02 premium users get v2, all others v1", async () => {
    await mesh.apply(fileOf("02-premium-users.yaml"));
    const premium = { headers: { "user-type": "premium" } };
    assert.deepEqual(countByApp(await mesh.calls(5, "web", "reviews-service", premium)), {
      "reviews-service-v2": 5,
    });
    const free = { headers: { "user-type": "free" } };
    assert.deepEqual(
      countByApp([
        ...(await mesh.calls(3, "web", "reviews-service", free)),
        ...(await mesh.calls(3, "web", "reviews-service")),
      ]),
      { "reviews-service-v1": 6 },
    );
  });

  test("03 authorization: order-service may POST /api/v1/charge, and nobody anything else", async () => {
    await mesh.apply(fileOf("03-authorization.yaml"));
    const charge = { method: "POST", path: "/api/v1/charge" };
    const status = async (from: string, options: CallOptions) =>
      (await mesh.call(from, "payment-service", options)).status;
    assert.equal(await status("order-service", charge), 200);
    assert.equal(await status("web", charge), 403);
    assert.equal(await status("order-service", { ...charge, method: "GET" }), 403);
    assert.equal(await status("order-service", { ...charge, path: "/api/v1/refund" }), 403);
    const bare = await mesh.direct("payment-service-v1", "payment-service", charge);
    assert.equal(bare.status, 403);
    assert.equal(
      (await mesh.call("web", "reviews-service")).status,
      200,
      "other services are not meant",
    );
  });

  test("04 mTLS rollout: permissive, then strict for one service, then asked for by all callers", async () => {
    const steps = fileOf("04-mtls-rollout.yaml").split(/^---$/m);
    const plaintext = async (workload: string) => {
      const socket = net.connect(mesh.inboundPort(workload), "127.0.0.1");
      socket.on("error", () => undefined); // told by its end
      let got = "";
      socket.on("data", (chunk: Buffer) => (got += chunk.toString()));
      socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      await once(socket, "close");
      return got.slice(0, 12);
    };
    const byMtls = async (host: string) =>
      /sa\/checkout/.test(
        (await mesh.call("checkout", host)).seen.headers["x-forwarded-client-cert"] ?? "",
      );
    const expected = [
      { "payments-service-v1": "HTTP/1.1 200", "catalog-v1": "HTTP/1.1 200" },
      { "payments-service-v1": "", "catalog-v1": "HTTP/1.1 200" },
      { "payments-service-v1": "", "catalog-v1": "HTTP/1.1 200" },
    ];
    for (const [index, step] of steps.entries()) {
      await mesh.apply(step);
      for (const [workload, head] of Object.entries(expected[index] ?? {})) {
        assert.equal(await plaintext(workload), head, `step ${index + 1}, ${workload}`);
      }
      assert.equal(await byMtls("payments-service"), true);
      assert.equal(await byMtls("catalog"), true);
    }
    // The last step: the whole namespace strict.
    const namespaceWide = (steps[0] ?? "").replace("PERMISSIVE", "STRICT");
    await mesh.apply(namespaceWide);
    assert.equal(await plaintext("catalog-v1"), "");
    assert.equal(await byMtls("catalog"), true);
  });

  test("05 canary: 95 of a hundred requests go to stable, five to the canary", async () => {
    await mesh.apply(fileOf("05-canary.yaml"));
    const counts = countByApp(await mesh.calls(100, "web", "payment-service"));
    const { "payment-service-v1": stable = 0, "payment-service-v2": canary = 0 } = counts;
    assert.equal(stable + canary, 100);
    assert.ok(canary >= 4 && canary <= 6, `${canary} of 100`); // even draws: one more or less
  });

  test("06 header canary: only requests that ask for it get the canary", async () => {
    // The article's rule stands upon the DestinationRule of its canary.
    await mesh.apply(fileOf("05-canary.yaml"));
    const { changes } = await mesh.mesh.apply(fileOf("06-header-canary.yaml"));
    assert.deepEqual(
      changes.map(({ action }) => action),
      ["updated"],
    );
    const asked = { headers: { "x-canary-test": "true" } };
    assert.deepEqual(countByApp(await mesh.calls(5, "web", "payment-service", asked)), {
      "payment-service-v2": 5,
    });
    const other = { headers: { "x-canary-test": "false" } };
    assert.deepEqual(countByApp(await mesh.calls(5, "web", "payment-service", other)), {
      "payment-service-v1": 5,
    });
  });

  test("07 fault injection: about 10 % wait for three seconds, about 5 % get 503", async () => {
    await mesh.apply(fileOf("07-fault-injection.yaml"));
    // Few enough at once that nobody waits for as long as the fault without it.
    const lanes = Array.from({ length: 50 }, () => mesh.calls(8, "web", "inventory-service"));
    const answers = (await Promise.all(lanes)).flat();
    const flagged = (flag: string) =>
      answers.filter(({ headers, tookMs }) =>
        flag === "DI" ? tookMs >= 2_990 : (headers["x-heddle-flags"] ?? "").includes(flag),
      );
    const delayed = flagged("DI").length;
    const aborted = flagged("FI");
    assert.ok(delayed >= 16 && delayed <= 64, `${delayed} of 400 waited`);
    assert.ok(aborted.length >= 5 && aborted.length <= 40, `${aborted.length} of 400 failed`);
    assert.ok(aborted.every(({ status }) => status === 503));
    const rest = answers.filter(({ status }) => status === 200).length;
    assert.equal(rest + aborted.length, 400);
  });

  test("08 telemetry: about 10 % of the requests are traced, with the article's tags", async () => {
    await mesh.apply(fileOf("08-telemetry.yaml"));
    const versioned = { path: "/versioned", headers: { "x-service-version": "7.1" } };
    await mesh.calls(150, "web", "inventory-service", { path: "/traced" });
    await mesh.calls(150, "web", "inventory-service", versioned);
    await mesh.call("web", "inventory-service", { path: "/last", do: "status=500" });
    const spansOf = (path: string) =>
      mesh.mesh.sink.spans.filter(({ attributes }) => attributes["url.path"] === path);
    await waitFor("the last span has come", 20_000, () => spansOf("/last").length > 0);
    const paths = new Set(
      mesh.mesh.sink.spans
        .filter(({ attributes }) =>
          ["/traced", "/versioned"].includes(String(attributes["url.path"])),
        )
        .map(({ traceId }) => traceId),
    );
    assert.ok(paths.size >= 10 && paths.size <= 55, `${paths.size} of 300`);
    const tags = mesh.mesh.sink.spans.map(({ attributes }) => attributes["environment"]);
    assert.ok(tags.includes("production"));
    const versions = new Set(
      mesh.mesh.sink.spans.map(({ attributes }) => attributes["service.version"]),
    );
    assert.ok(versions.has("7.1") && versions.has("unknown"), [...versions].join(", "));
  });
});
