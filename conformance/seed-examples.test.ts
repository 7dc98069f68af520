// The configuration of articles about service meshes, applied as it stands and held to what its article says.
// It lies outside the project (see harness/corpora.ts); without it these tests are skipped.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { type Mesh, startMesh, waitFor } from "@heddle/testkit";
import { countByApp } from "./harness/case-mesh.ts";
import { readCorpus } from "./harness/corpora.ts";
import { socketsTo } from "./harness/kernel-sockets.ts";
import { type SeenApp, startSeenApp } from "./harness/seen-app.ts";
import {
  type Answer,
  type CallOptions,
  createSender,
  type Sender,
} from "./harness/send-request.ts";

const files = readCorpus("seed-examples");
const skip = files === undefined ? "seed-examples are not here; set HEDDLE_CORPORA" : false;

/** Workloads of the articles, by namespace. */
const CALLERS = { default: ["order-service", "web"], production: ["checkout"] };
const SERVERS = {
  default: [
    "payment-service-v1",
    "payment-service-v2",
    "reviews-service-v1",
    "reviews-service-v2",
    "inventory-service-v1",
  ],
  production: ["payments-service-v1", "catalog-v1"],
};

let mesh: Mesh;
let send: Sender;
const apps = new Map<string, SeenApp>();
const outbound = new Map<string, number>();
const inbound = new Map<string, number>();
const cleanups: (() => void | Promise<void>)[] = [];

async function start(): Promise<void> {
  const scope = { after: (cleanup: () => void | Promise<void>) => cleanups.push(cleanup) };
  mesh = await startMesh(scope);
  send = createSender(scope);
  for (const namespace of ["default", "production"] as const) {
    const servers = await Promise.all(
      SERVERS[namespace].map(async (name) => {
        const app = await startSeenApp(scope, name);
        apps.set(name, app);
        const [, service = "", version = ""] = /^(.*)-(v\d)$/.exec(name) ?? [];
        return { namespace, service, version, appPort: app.port, protocol: "http" };
      }),
    );
    const callers = CALLERS[namespace].map((service) => ({ namespace, service }));
    const env = { HEDDLE_TRACE_SAMPLING: "0" };
    const started = await Promise.all([
      mesh.startProxy(namespace, { name: `${namespace}-servers`, workloads: servers }, env),
      mesh.startProxy(namespace, { name: `${namespace}-callers`, workloads: callers }, env),
    ]);
    for (const { ready } of started) {
      for (const { workload, inboundPort, outboundPort } of ready.workloads) {
        inbound.set(workload, inboundPort);
        outbound.set(workload, outboundPort);
      }
    }
  }
}

function call(from: string, host: string, options: CallOptions = {}): Promise<Answer> {
  return send({ host, ...options, port: outbound.get(from) ?? 0 });
}

async function calls(count: number, from: string, host: string, options: CallOptions = {}) {
  const answers: Answer[] = [];
  for (let sent = 0; sent < count; sent++) answers.push(await call(from, host, options));
  return answers;
}

/** Applies a file as it is; what it made is taken away when the test ends. */
async function apply(
  t: { after(work: () => Promise<void>): void },
  name: string,
): Promise<string[]> {
  const { changes, warnings } = await mesh.apply(files?.get(name) ?? "");
  t.after(async () => {
    for (const one of [...changes].reverse()) await mesh.remove(one.kind, one.namespace, one.name);
  });
  return warnings;
}

describe("the examples of the articles", { skip }, () => {
  before(start, { timeout: 60_000 });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  test("01 circuit breaking: five errors in a row take an endpoint out, two requests use up a connection", async (t) => {
    const warnings = await apply(t, "01-circuit-breaking.yaml");
    assert.match(warnings.join("\n"), /networking\.example\.com/);
    assert.match(warnings.join("\n"), /consecutiveErrors/);
    const bad = apps.get("payment-service-v1");
    assert.ok(bad);
    await waitFor("v1 has failed five times", 5_000, async () => {
      await call("web", "payment-service", { method: "POST", do: "status=500@payment-service-v1" });
      return bad.seen.length >= 5;
    });
    const answers = await calls(10, "web", "payment-service");
    assert.deepEqual(countByApp(answers), { "payment-service-v2": 10 });
    // Between the sidecars: ten requests of v2's took five connections at least.
    const port = inbound.get("payment-service-v2") ?? 0;
    assert.ok(socketsTo(port).length >= 5, `${socketsTo(port).length} connections`);
  });

  test("02 premium users get v2, all others v1", async (t) => {
    await apply(t, "02-premium-users.yaml");
    const premium = { headers: { "user-type": "premium" } };
    assert.deepEqual(countByApp(await calls(5, "web", "reviews-service", premium)), {
      "reviews-service-v2": 5,
    });
    const free = { headers: { "user-type": "free" } };
    assert.deepEqual(
      countByApp([
        ...(await calls(3, "web", "reviews-service", free)),
        ...(await calls(3, "web", "reviews-service")),
      ]),
      { "reviews-service-v1": 6 },
    );
  });

  test("03 authorization: order-service may POST /api/v1/charge, and nobody anything else", async (t) => {
    await apply(t, "03-authorization.yaml");
    const charge = { method: "POST", path: "/api/v1/charge" };
    const status = async (from: string, options: CallOptions) =>
      (await call(from, "payment-service", options)).status;
    assert.equal(await status("order-service", charge), 200);
    assert.equal(await status("web", charge), 403);
    assert.equal(await status("order-service", { ...charge, method: "GET" }), 403);
    assert.equal(await status("order-service", { ...charge, path: "/api/v1/refund" }), 403);
    const bare = {
      ...charge,
      host: "payment-service",
      port: inbound.get("payment-service-v1") ?? 0,
    };
    assert.equal((await send(bare)).status, 403);
    assert.equal(
      (await call("web", "reviews-service")).status,
      200,
      "other services are not meant",
    );
  });

  test("04 mTLS rollout: permissive, then strict for one service, then asked for by all callers", async (t) => {
    const steps = (files?.get("04-mtls-rollout.yaml") ?? "").split(/^---$/m);
    const plaintext = async (workload: string) => {
      const socket = net.connect(inbound.get(workload) ?? 0, "127.0.0.1");
      socket.on("error", () => undefined); // told by its end
      let got = "";
      socket.on("data", (chunk: Buffer) => (got += chunk.toString()));
      socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      await once(socket, "close");
      return got.slice(0, 12);
    };
    const byMtls = async (host: string) =>
      /sa\/checkout/.test(
        (await call("checkout", host)).seen.headers["x-forwarded-client-cert"] ?? "",
      );
    const remove: (() => Promise<void>)[] = [];
    t.after(async () => {
      for (const one of remove.reverse()) await one();
    });
    const expected = [
      { "payments-service-v1": "HTTP/1.1 200", "catalog-v1": "HTTP/1.1 200" },
      { "payments-service-v1": "", "catalog-v1": "HTTP/1.1 200" },
      { "payments-service-v1": "", "catalog-v1": "HTTP/1.1 200" },
    ];
    for (const [index, step] of steps.entries()) {
      const { changes } = await mesh.apply(step);
      for (const one of changes) remove.push(() => mesh.remove(one.kind, one.namespace, one.name));
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

  test("05 canary: 95 of a hundred requests go to stable, five to the canary", async (t) => {
    await apply(t, "05-canary.yaml");
    const counts = countByApp(await calls(100, "web", "payment-service"));
    assert.deepEqual(counts, { "payment-service-v1": 95, "payment-service-v2": 5 });
  });

  test("06 header canary: only requests that ask for it get the canary", async (t) => {
    // The article's rule stands upon the DestinationRule of its canary.
    await apply(t, "05-canary.yaml");
    const { changes } = await mesh.apply(files?.get("06-header-canary.yaml") ?? "");
    assert.deepEqual(
      changes.map(({ action }) => action),
      ["updated"],
    );
    const asked = { headers: { "x-canary-test": "true" } };
    assert.deepEqual(countByApp(await calls(5, "web", "payment-service", asked)), {
      "payment-service-v2": 5,
    });
    const other = { headers: { "x-canary-test": "false" } };
    assert.deepEqual(countByApp(await calls(5, "web", "payment-service", other)), {
      "payment-service-v1": 5,
    });
  });

  test("07 fault injection: about 10 % wait for three seconds, about 5 % get 503", async (t) => {
    await apply(t, "07-fault-injection.yaml");
    const answers = await Promise.all(
      Array.from({ length: 400 }, () => call("web", "inventory-service")),
    );
    const flagged = (flag: string) =>
      answers.filter(({ headers, tookMs }) =>
        flag === "DI" ? tookMs >= 2_990 : (headers["x-heddle-flags"] ?? "").includes(flag),
      );
    const delayed = flagged("DI").length;
    const aborted = flagged("FI");
    assert.ok(delayed >= 18 && delayed <= 66, `${delayed} of 400 waited`);
    assert.ok(aborted.length >= 5 && aborted.length <= 40, `${aborted.length} of 400 failed`);
    assert.ok(aborted.every(({ status }) => status === 503));
    const rest = answers.filter(({ status }) => status === 200).length;
    assert.equal(rest + aborted.length, 400);
  });

  test("08 telemetry: about 10 % of the requests are traced, with the article's tags", async (t) => {
    await apply(t, "08-telemetry.yaml");
    const versioned = { path: "/versioned", headers: { "x-service-version": "7.1" } };
    await calls(150, "web", "inventory-service", { path: "/traced" });
    await calls(150, "web", "inventory-service", versioned);
    await call("web", "inventory-service", { path: "/last", do: "status=500" });
    const spansOf = (path: string) =>
      mesh.sink.spans.filter(({ attributes, kind }) => {
        return attributes["url.path"] === path && String(kind).toLowerCase() !== "server";
      });
    await waitFor("the last span has come", 6_000, () => spansOf("/last").length > 0);
    const paths = new Set(
      mesh.sink.spans
        .filter(({ attributes }) =>
          ["/traced", "/versioned"].includes(String(attributes["url.path"])),
        )
        .map(({ traceId }) => traceId),
    );
    assert.ok(paths.size >= 10 && paths.size <= 55, `${paths.size} of 300`);
    const tags = mesh.sink.spans.map(({ attributes }) => attributes["environment"]);
    assert.ok(tags.includes("production"));
    const versions = new Set(
      mesh.sink.spans.map(({ attributes }) => attributes["service.version"]),
    );
    assert.ok(versions.has("7.1") && versions.has("unknown"), [...versions].join(", "));
  });
});
