import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { waitFor } from "@heddle/testkit";
import { type FilterSetting, NO_FILTERS } from "../src/filters/active-filter.ts";
import { compileFilters } from "../src/filters/compile-filters.ts";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { filterSetting, filterText, libraryOf, runFilters } from "./support/filters.ts";

type Seen = { readonly url: string | undefined; readonly headers: IncomingHttpHeaders };
type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const sayOk: Handler = (_request, response) => response.end("ok");

/** `reviews` behind its sidecar, which runs these filters. */
async function startReviews(
  t: TestContext,
  hooks: Readonly<Record<string, string>>,
  rest: Partial<FilterSetting> = {},
  handler = sayOk,
) {
  const seen: Seen[] = [];
  const bodies: string[] = [];
  const reviews = await app(t, (request, response) => {
    seen.push({ url: request.url, headers: request.headers });
    request.setEncoding("utf8").on("data", (text: string) => bodies.push(text));
    handler(request, response);
  });
  const texts = Object.entries(hooks).map(([name, text]) => [`${name}.ts`, filterText(name, text)]);
  const library = await libraryOf(t, Object.fromEntries(texts));
  const workload = await hosted("reviews", { appPort: reviews.port });
  const settings = Object.keys(hooks).map((name) => filterSetting(name, rest));
  runFilters(t, workload, library, settings);
  const recorder = new MemoryRecorder();
  const { port } = await inbound(t, workload, recorder);
  return { seen, bodies, library, workload, recorder, port };
}

const failuresOf = ({ events }: MemoryRecorder, filter: string, kind: string) =>
  events.get(
    `heddle_filter_failures_total ${JSON.stringify({ workload: "shop/reviews", filter, kind })}`,
  ) ?? 0;

test("a filter reads and changes the request's fields and path, and the answer's fields", async (t) => {
  const { seen, port } = await startReviews(
    t,
    {
      edit: `
        onRequestHead(request) {
          request.headers.set("X-Was", request.headers.get("x-ask") + " " + request.method + " " + request.path);
          request.headers.remove("x-ask");
          request.headers.append("accept", "text/plain");
          request.setPath("/new?y=2");
        },
        onResponseHead(response) {
          response.headers.set("x-status", String(response.status));
          response.headers.remove("x-powered-by");
        }`,
    },
    {},
    (_request, response) => response.setHeader("x-powered-by", "app").end("ok"),
  );
  const headers = { "X-Ask": "a", accept: "text/html" };
  const answer = await send(port, { path: "/old?x=1", headers });
  assert.equal(seen[0]?.url, "/new?y=2");
  assert.equal(seen[0]?.headers["x-was"], "a GET /old?x=1");
  assert.equal(seen[0]?.headers["x-ask"], undefined);
  assert.equal(seen[0]?.headers.accept, "text/html, text/plain");
  assert.equal(answer.headers["x-status"], "200");
  assert.equal(answer.headers["x-powered-by"], undefined);
  assert.equal(answer.body.toString(), "ok");
});

test("a request with a body, and the next one on the connection, pass unharmed", async (t) => {
  const { bodies, seen, port } = await startReviews(
    t,
    {
      edit: `async onRequestHead(request) { await null; request.headers.set("x-edited", "yes"); }`,
    },
    {},
    (request, response) => request.on("end", () => response.end("ok")).resume(),
  );
  const client = new RawClient(t, port);
  const post = (body: string) =>
    `POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  client.send(post("first") + post("second"));
  await client.expect(/200 OK[\s\S]*200 OK[\s\S]*ok/);
  assert.deepEqual(bodies, ["first", "second"]);
  assert.deepEqual(
    seen.map(({ headers }) => headers["x-edited"]),
    ["yes", "yes"],
  );
});

test("filters run in order, and each sees what those before it have changed", async (t) => {
  const { seen, port } = await startReviews(t, {
    first: `
      onRequestHead(request) { request.headers.set("x-trail", "first"); },
      onResponseHead(response) { response.headers.set("x-trail", (response.headers.get("x-trail") ?? "") + " first"); }`,
    second: `
      async onRequestHead(request) { request.headers.append("x-trail", "second"); },
      onResponseHead(response) { response.headers.set("x-trail", "second"); }`,
  });
  const answer = await send(port, {});
  assert.equal(seen[0]?.headers["x-trail"], "first, second");
  assert.equal(answer.headers["x-trail"], "second first");
});

test("a filter answers itself, and neither later filters nor the app hear of the request", async (t) => {
  const { seen, recorder, port } = await startReviews(t, {
    guard: `onRequestHead(request) { request.respond(418, "no coffee", { "x-pot": "tea" }); }`,
    never: `onRequestHead(request) { request.count("ran"); }`,
  });
  const answer = await send(port, {});
  assert.equal(answer.status, 418);
  assert.equal(answer.body.toString(), "no coffee");
  assert.equal(answer.headers["x-pot"], "tea");
  assert.equal(answer.headers["x-heddle-filter"], "guard");
  assert.equal(answer.headers["x-heddle-origin"], "inbound-proxy; workload=shop/reviews");
  assert.equal(seen.length, 0);
  assert.equal(recorder.events.size, 0);
});

test("a filter answers in the place of the app's answer", async (t) => {
  const { seen, port } = await startReviews(t, {
    hide: `onResponseHead(response) { if (response.status === 200) response.respond(404, "nothing here"); }`,
  });
  const answers = [await send(port, {}), await send(port, {})];
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.toString()]),
    [
      [404, "nothing here"],
      [404, "nothing here"],
    ],
  );
  assert.equal(seen.length, 2);
});

test("onEnd is told what became of the exchange, with the notes of the earlier hooks", async (t) => {
  const { recorder, port } = await startReviews(t, {
    watch: `
      onRequestHead(request) { request.notes.set("at", request.path); },
      onEnd(end) {
        if (end.notes.get("at") === "/here" && end.status === 200 && end.responseBytes === 2 && end.durationMs > 0)
          end.count("seen_" + end.destination.workload.replace("/", "_"));
      }`,
  });
  await send(port, { path: "/here" });
  await recorder.find(() => true);
  const labels = { workload: "shop/reviews", filter: "watch", event: "seen_shop_reviews" };
  assert.equal(recorder.events.get(`heddle_filter_events_total ${JSON.stringify(labels)}`), 1);
});

const BROKEN: Readonly<Record<string, readonly [hook: string, kind: string]>> = {
  throws: [`onRequestHead() { throw new Error("secret words"); }`, "throw"],
  rejects: [`async onRequestHead() { throw new Error("secret words"); }`, "throw"],
  stalls: [`onRequestHead() { return new Promise(() => {}); }`, "timeout"],
  "holds the thread": [
    `onRequestHead() { const end = Date.now() + 80; while (Date.now() < end); }`,
    "overrun",
  ],
  "changes what frames the body": [
    `onRequestHead(request) { request.headers.set("Content-Length", "0"); }`,
    "throw",
  ],
  "would split the head": [
    `onRequestHead(request) { request.headers.set("x-a", "b\\r\\nx-c: d"); }`,
    "throw",
  ],
  "makes the head too large": [
    `onRequestHead(request) { request.headers.set("x-a", "b".repeat(20000)); }`,
    "invalid",
  ],
  "throws at the answer": [`onResponseHead() { throw new Error("secret words"); }`, "throw"],
  "wants to wait at the answer": [`async onResponseHead() {}`, "invalid"],
};
for (const [what, [hook, kind]] of Object.entries(BROKEN)) {
  const edits = `onRequestHead(request) { request.headers.set("x-before", "1"); }`;
  test(`a filter that ${what} fails the request closed, and is counted`, async (t) => {
    const { recorder, port, seen } = await startReviews(t, { edits, broken: hook });
    const answer = await send(port, {});
    assert.equal(answer.status, 500);
    assert.equal(answer.headers["x-heddle-flags"], "HFF");
    assert.match(answer.body.toString(), new RegExp(`the filter "broken" failed \\(${kind}\\)`));
    assert.doesNotMatch(answer.body.toString(), /secret/);
    assert.equal(failuresOf(recorder, "broken", kind), 1);
    const { labels } = await recorder.find(() => true);
    assert.deepEqual([labels.responseFlags, labels.failedBy], ["HFF", "inbound-proxy"]);
    assert.equal(seen.length, what.includes("answer") ? 1 : 0);
  });
  test(`a filter that ${what} is skipped where its rule says so, and is counted`, async (t) => {
    const { recorder, port, seen } = await startReviews(
      t,
      { edits, broken: hook },
      { onFailure: "skip" },
    );
    const answer = await send(port, { headers: { "x-own": "kept" } });
    assert.equal(answer.status, 200);
    assert.equal(failuresOf(recorder, "broken", kind), 1);
    assert.equal(seen[0]?.headers["x-before"], "1");
    assert.equal(seen[0]?.headers["x-own"], "kept");
    assert.equal(seen[0]?.headers["x-a"], undefined);
  });
}

test("a filter that keeps holding the thread is switched off and says so", async (t) => {
  const { recorder, port, workload } = await startReviews(
    t,
    { hog: `onRequestHead() { const end = Date.now() + 30; while (Date.now() < end); }` },
    { onFailure: "skip", budgetMs: 10 },
  );
  for (let index = 0; index < 5; index++) await send(port, {});
  assert.equal(failuresOf(recorder, "hog", "overrun"), 5);
  const startMs = performance.now();
  assert.equal((await send(port, {})).status, 200);
  assert.ok(performance.now() - startMs < 30, "it is not called any more");
  assert.equal(failuresOf(recorder, "hog", "off"), 1);
  const [filter] = workload.policy?.filters.all ?? [];
  const told = filter?.describe(performance.now()) as Record<string, unknown>;
  assert.equal(told["state"], "off");
  assert.deepEqual(told["failures"], { overrun: 5, off: 1 });
});

test("a filter that waits does not hold up other requests, and hears when nobody waits", async (t) => {
  const { recorder, port, seen } = await startReviews(
    t,
    {
      waits: `
        async onRequestHead(request) {
          if (request.path !== "/slow") return;
          request.count("began");
          await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
          request.count("aborted");
        }`,
    },
    { budgetMs: 5_000 },
  );
  const counted = (event: string) =>
    recorder.events.get(
      `heddle_filter_events_total ${JSON.stringify({ workload: "shop/reviews", filter: "waits", event })}`,
    );
  const client = new RawClient(t, port);
  client.send("GET /slow HTTP/1.1\r\nHost: reviews\r\n\r\n");
  while (counted("began") === undefined) assert.equal((await send(port, {})).status, 200);
  client.socket.destroy();
  const { labels } = await recorder.find(({ labels }) => labels.responseFlags === "DC");
  assert.equal(labels.responseCode, 0);
  while (counted("aborted") === undefined) await send(port, {});
  assert.ok(seen.every(({ url }) => url === "/"));
});

test("a filter in a worker changes, answers, counts and is told the end", async (t) => {
  const { seen, recorder, port } = await startReviews(
    t,
    {
      apart: `
        async onRequestHead(request) {
          request.notes.set("path", request.path);
          if (request.path === "/answer") request.respond(403, "from the worker");
          request.headers.set("x-worker", request.headers.get("x-ask") ?? "none");
          request.headers.remove("x-ask");
          request.count("asked");
        },
        onEnd(end) { end.count("ended" + end.notes.get("path").replace("/", "_") + end.status); }`,
    },
    { isolation: "worker", budgetMs: 2_000 },
  );
  assert.equal((await send(port, { path: "/pass", headers: { "x-ask": "7" } })).status, 200);
  assert.equal(seen[0]?.headers["x-worker"], "7");
  assert.equal(seen[0]?.headers["x-ask"], undefined);
  const answer = await send(port, { path: "/answer" });
  assert.deepEqual([answer.status, answer.body.toString()], [403, "from the worker"]);
  const counted = (event: string) =>
    recorder.events.get(
      `heddle_filter_events_total ${JSON.stringify({ workload: "shop/reviews", filter: "apart", event })}`,
    );
  while (counted("ended_answer403") === undefined) await send(port, { path: "/more" });
  assert.equal(counted("ended_pass200"), 1);
});

test("a filter in a worker that never returns is ended and started again, and holds nobody up", async (t) => {
  const { recorder, port, workload } = await startReviews(
    t,
    { loops: `onRequestHead(request) { if (request.path === "/loop") for (;;); }` },
    { isolation: "worker", budgetMs: 100 },
  );
  assert.equal((await send(port, { path: "/warm" })).status, 200);
  const looping = send(port, { path: "/loop" });
  const startMs = performance.now();
  const others = await Promise.all([1, 2, 3].map(() => send(port, { path: "/other" })));
  assert.ok(
    others.every(({ status }) => status === 500),
    "they wait for the same thread",
  );
  assert.ok(performance.now() - startMs < 1_000);
  assert.equal((await looping).status, 500);
  let status = 500;
  while (status !== 200) status = (await send(port, { path: "/again" })).status;
  const [filter] = workload.policy?.filters.all ?? [];
  assert.equal(filter?.worker?.restarts, 1);
  assert.ok(failuresOf(recorder, "loops", "timeout") >= 1);
});

test("a worker that crashes is started again", async (t) => {
  const { port, workload } = await startReviews(
    t,
    {
      crash: `onRequestHead(request) { if (request.path === "/crash") setImmediate(() => { throw new Error("gone"); }); }`,
    },
    { isolation: "worker", budgetMs: 1_000, onFailure: "skip" },
  );
  await send(port, { path: "/crash" });
  const [filter] = workload.policy?.filters.all ?? [];
  while (filter?.worker?.restarts !== 1) assert.equal((await send(port, {})).status, 200);
  assert.equal((await send(port, {})).status, 200);
});

test("a filter that is gone from the folder fails requests closed with NFCF", async (t) => {
  const { workload, port, library } = await startReviews(t, { gone: `onRequestHead() {}` });
  const settings = [filterSetting("lost")];
  assert.throws(
    () => compileFilters(settings, "shop/reviews", library, NO_FILTERS, false),
    /filters\[0\] "lost": there is no such filter in the proxy's folder; it holds gone/,
  );
  const filters = compileFilters(settings, "shop/reviews", library, NO_FILTERS, true);
  Object.assign(workload, { policy: { ...workload.policy, filters } });
  const answer = await send(port, {});
  assert.equal(answer.status, 500);
  assert.equal(answer.headers["x-heddle-flags"], "NFCF");
});

test("an outbound filter decides the route, for rules look at what it writes", async (t) => {
  const versions = await Promise.all(
    ["v1", "v2"].map((version) => app(t, (_request, response) => response.end(version))),
  );
  const mesh = new TestMesh();
  const id = { namespace: "shop", name: "reviews" };
  mesh.apply(
    service("reviews", {
      routes: [
        {
          name: "pinned",
          matches: [{ headers: { "x-pinned": { kind: "exact", value: "v2" } } }],
          destinations: [{ service: id, subset: "v2", weight: 1 }],
        },
        { name: "default", matches: [], destinations: [{ service: id, subset: "v1", weight: 1 }] },
      ],
      subsets: ["v1", "v2"].map((name) => ({ name, labels: { version: name } })),
    }),
    endpoints(
      "reviews",
      versions.map(({ port }, index) => ({ port, version: `v${index + 1}` })),
    ),
  );
  const library = await libraryOf(t, {
    "pin.ts": filterText(
      "pin",
      `onRequestHead(request) { if (request.path === "/two") request.headers.set("x-pinned", "v2"); },
       onResponseHead(response) { response.headers.set("x-drawn", response.route + " " + response.destination.subset + " " + response.destination.service); }`,
    ),
  });
  const front = await hosted("front");
  runFilters(t, front, library, [filterSetting("pin", { direction: "outbound" })]);
  const { port } = await outbound(t, front, mesh, new MemoryRecorder());
  const one = await send(port, { host: "reviews", path: "/one" });
  const two = await send(port, { host: "reviews", path: "/two" });
  assert.deepEqual([one.body.toString(), two.body.toString()], ["v1", "v2"]);
  assert.equal(one.headers["x-drawn"], "default v1 shop/reviews");
  assert.equal(two.headers["x-drawn"], "pinned v2 shop/reviews");
});

test("a filter is told who calls over mTLS", async (t) => {
  const { port } = await startReviews(t, {
    who: `onRequestHead(request) { request.respond(200, JSON.stringify(request.peer)); }`,
  });
  const ca = await authority();
  const identity = ca.spiffeId({ namespace: "shop", workload: "reviews", service: "reviews" });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port, identity }]));
  const front = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  const answer = await send(front.port, { host: "reviews" });
  assert.deepEqual(JSON.parse(answer.body.toString()), {
    identity: "spiffe://cluster.local/ns/shop/sa/front",
    workload: "shop/front",
    address: "127.0.0.1",
  });
  assert.deepEqual(JSON.parse((await send(port, {})).body.toString()), { address: "127.0.0.1" });
});

test("settings that do not fit are refused with the field and the reason", async (t) => {
  const library = await libraryOf(t, {
    "strict.ts": filterText(
      "strict",
      "onRequestHead() {}",
      `z.strictObject({ share: z.number().max(1), names: z.array(z.string()) })`,
    ),
    "wrong-name.ts": filterText("other", "onRequestHead() {}"),
    "broken.ts": "export default 7 +;",
    "empty.ts": filterText("empty", ""),
    "slow-answer.ts": filterText("slow-answer", "onResponseHead() {}"),
  });
  const workload = await hosted("reviews");
  const refuses = (setting: FilterSetting, reason: RegExp) =>
    assert.throws(
      () =>
        runFilters(t, workload, library, [
          filterSetting("strict", { settings: { share: 1, names: [] } }),
          setting,
        ]),
      reason,
    );
  refuses(
    filterSetting("strict", { settings: { share: 2, names: ["a", 1], more: true } }),
    /workload shop\/reviews: filters\[1\] "strict": settings\.share: .*<=1.*settings\.names\.1: .*"?more"?/,
  );
  refuses(filterSetting("wrong-name"), /its filter is called "other", not "wrong-name"/);
  refuses(filterSetting("broken"), /its file cannot be used/);
  refuses(filterSetting("empty"), /has none of onRequestHead, onResponseHead, onEnd/);
  refuses(
    filterSetting("slow-answer", { isolation: "worker" }),
    /isolation: worker is for filters without onResponseHead/,
  );
});

test("a filter whose file changes is taken up, and a broken one leaves the old", async (t) => {
  const { library, port, workload } = await startReviews(t, {
    word: `onRequestHead(request) { request.respond(200, "old"); }`,
  });
  const changed = () => runFilters(t, workload, library, [filterSetting("word")]);
  library.watch(changed);
  assert.equal((await send(port, {})).body.toString(), "old");
  const path = join(library.folder ?? "", "word.ts");
  writeFileSync(
    path,
    filterText("word", `onRequestHead(request) { request.respond(200, "newer"); }`),
  );
  let body = "old";
  while (body === "old") body = (await send(port, {})).body.toString();
  assert.equal(body, "newer");
  writeFileSync(path, "export default {");
  await waitFor("the broken file is seen", 5_000, () => library.faults.size === 1);
  assert.equal((await send(port, {})).body.toString(), "newer");
});
