import assert from "node:assert/strict";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { CallOptions } from "../../harness/send-request.ts";

const VS = "VirtualService";

type RedirectRow = {
  readonly fields: string;
  readonly title: string;
  readonly redirect: string;
  /** The path asked for, and what `location` then says; HOST is the case's. */
  readonly expected: Readonly<Record<string, string>>;
  readonly match?: string;
  readonly host?: string;
  readonly status?: number;
};

const REDIRECTS: readonly RedirectRow[] = [
  {
    fields: "redirect redirect.uri",
    title: "answers 301 to the whole path given, the query kept",
    redirect: "uri: /new",
    expected: { "/old": "http://HOST/new", "/old/x?q=1": "http://HOST/new?q=1" },
  },
  {
    fields: "redirect.authority",
    title: "sends to another host, the path kept",
    redirect: "authority: shop.example",
    expected: { "/a?b": "http://shop.example/a?b" },
  },
  {
    fields: "redirect.scheme",
    title: "sends to another scheme",
    redirect: "scheme: https",
    expected: { "/a": "https://HOST/a" },
  },
  {
    fields: "redirect.port",
    title: "sends to another port, the scheme's own left out",
    redirect: "port: 8443, scheme: https",
    expected: { "/a": "https://HOST:8443/a" },
  },
  {
    fields: "redirect.derivePort",
    title: "takes the scheme's port, or keeps the request's",
    redirect: "scheme: https, derivePort: FROM_REQUEST_PORT",
    host: "HOST:80",
    expected: { "/a": "https://HOST:80/a" },
  },
  {
    fields: "redirect.prefixRewrite",
    title: "replaces the matched prefix alone",
    match: "match: [{uri: {prefix: /old}}]",
    redirect: "prefixRewrite: /new",
    expected: { "/old/x?q=1": "http://HOST/new/x?q=1" },
  },
];

const redirectRows = REDIRECTS.map((row) =>
  proof(VS, `http[].${row.fields.replaceAll(" ", " http[].")}`, row.title, async (mesh) => {
    await mesh.routes(
      `${row.match === undefined ? "" : `${row.match}, `}redirect: {${row.redirect}}`,
    );
    const fill = (text: string) => text.replaceAll("HOST", mesh.host);
    for (const [path, location] of Object.entries(row.expected)) {
      const answer = await mesh.call({ path, ...(row.host && { host: fill(row.host) }) });
      assert.deepEqual([answer.status, answer.headers["location"]], [301, fill(location)]);
    }
  }),
);

const PREFLIGHT = { "access-control-request-method": "PUT" };

function preflight(mesh: CaseMesh, origin: string, options: CallOptions = {}) {
  return mesh.call({ ...options, method: "OPTIONS", headers: { ...PREFLIGHT, origin } });
}

const cors = (fields: string, title: string, policy: string, run: ConformanceCase["run"]) =>
  proof(
    VS,
    `http[].corsPolicy.${fields.replaceAll(" ", " http[].corsPolicy.")}`,
    title,
    async (mesh) => {
      await mesh.routes(`corsPolicy: {${policy}}, ROUTE`);
      await run(mesh);
    },
  );

async function allowsOnly(mesh: CaseMesh, good: readonly string[], bad: readonly string[]) {
  const allowed = async (origin: string) =>
    (await mesh.call({ headers: { origin } })).headers["access-control-allow-origin"];
  for (const origin of good) assert.equal(await allowed(origin), origin);
  for (const origin of bad) assert.equal(await allowed(origin), undefined, origin);
}

const corsCases: readonly ConformanceCase[] = [
  cors(
    "allowOrigins[].exact",
    "lets exactly these origins read answers",
    'allowOrigins: [{exact: "https://shop.example"}]',
    (mesh) => allowsOnly(mesh, ["https://shop.example"], ["https://shop.example.evil", "null"]),
  ),
  cors(
    "allowOrigins[].prefix",
    "lets origins that begin so read answers",
    'allowOrigins: [{prefix: "https://shop."}]',
    (mesh) => allowsOnly(mesh, ["https://shop.example"], ["http://shop.example"]),
  ),
  cors(
    "allowOrigins[].regex",
    "lets origins that match as a whole read answers",
    'allowOrigins: [{regex: "https://[a-z]+[.]example"}]',
    (mesh) => allowsOnly(mesh, ["https://a.example"], ["https://a.example.evil"]),
  ),
  cors(
    "allowOrigin",
    "is the old form of exact origins",
    'allowOrigin: ["https://a.example"]',
    (mesh) => allowsOnly(mesh, ["https://a.example"], ["https://b.example"]),
  ),
  cors(
    "allowMethods allowHeaders maxAge allowCredentials",
    "answers a preflight itself with what is allowed, and for how long",
    'allowOrigins: [{exact: "https://a.example"}], allowMethods: [GET, PUT], allowHeaders: [x-a, x-b], maxAge: 2m, allowCredentials: true',
    async (mesh) => {
      const answer = await preflight(mesh, "https://a.example");
      assert.equal(answer.status, 200);
      assert.equal(answer.app, undefined, "no app is asked");
      const said = (name: string) => answer.headers[`access-control-${name}`];
      assert.equal(said("allow-origin"), "https://a.example");
      assert.equal(said("allow-methods"), "GET,PUT");
      assert.equal(said("allow-headers"), "x-a,x-b");
      assert.equal(said("max-age"), "120");
      assert.equal(said("allow-credentials"), "true");
    },
  ),
  cors(
    "exposeHeaders",
    "names the headers that a page may read",
    'allowOrigins: [{exact: "https://a.example"}], exposeHeaders: [x-total]',
    async (mesh) => {
      const answer = await mesh.call({ headers: { origin: "https://a.example" } });
      assert.equal(answer.headers["access-control-expose-headers"], "x-total");
    },
  ),
  cors(
    "unmatchedPreflights",
    "hands a preflight of another origin on to the app, and with IGNORE does not",
    'allowOrigins: [{exact: "https://a.example"}]',
    async (mesh) => {
      assert.match((await preflight(mesh, "https://b.example")).app ?? "", /^reviews/);
      await mesh.routes(
        'corsPolicy: {allowOrigins: [{exact: "https://a.example"}], unmatchedPreflights: IGNORE}, ROUTE',
      );
      const answer = await preflight(mesh, "https://b.example");
      assert.equal(answer.headers["access-control-allow-origin"], undefined);
      assert.equal(answer.app, undefined);
    },
  ),
];

/** Cases of a fault's block, which a TrafficPolicy may bear, too. */
function faultProofs(fields: string, title: string, fault: string, run: ConformanceCase["run"]) {
  const at = (place: string) =>
    fields
      .split(" ")
      .map((field) => `${place}fault.${field}`)
      .join(" ");
  return [
    proof(VS, at("http[]."), title, async (mesh) => {
      await mesh.routes(`fault: {${fault}}, ROUTE`);
      await run(mesh);
    }),
    proof("TrafficPolicy", at(""), title, async (mesh) => {
      await mesh.applyOne("TrafficPolicy", `destinations: [{host: HOST}], fault: {${fault}}`);
      await run(mesh);
    }),
  ];
}

const faultCases: readonly ConformanceCase[] = [
  ...faultProofs(
    "abort.httpStatus abort.percentage.value",
    "answers in the app's stead, and says that it is injected",
    "abort: {httpStatus: 418, percentage: {value: 100}}",
    async (mesh) => {
      const answer = await mesh.call();
      assert.deepEqual([answer.status, answer.app], [418, undefined]);
      assert.equal(answer.headers["x-heddle-flags"], "FI");
      assert.match(answer.headers["x-heddle-origin"] ?? "", /^outbound-proxy/);
      assert.match(answer.text, /inject/i);
    },
  ),
  ...faultProofs(
    "abort.percentage",
    "meets nobody when no percentage is given",
    "abort: {httpStatus: 503}",
    async (mesh) => {
      assert.deepEqual(
        (await mesh.calls(10)).map(({ status }) => status),
        Array(10).fill(200),
      );
    },
  ),
  ...faultProofs(
    "abort.percentage.value",
    "meets that share of the requests",
    "abort: {httpStatus: 503, percentage: {value: 25}}",
    async (mesh) => {
      const failed = (await mesh.calls(100)).filter(({ status }) => status === 503).length;
      // 25 of 100 drawn by chance, give or take four standard deviations.
      assert.ok(failed >= 7 && failed <= 43, `${failed} of 100`);
    },
  ),
  ...faultProofs(
    "abort.grpcStatus",
    "is the status's name and answers gRPC in its own words",
    "abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}",
    async (mesh) => {
      const headers = { "content-type": "application/grpc" };
      const answer = await mesh.call({ method: "POST", headers });
      assert.deepEqual([answer.status, answer.headers["grpc-status"]], [200, "14"]);
    },
  ),
  ...faultProofs(
    "delay.fixedDelay delay.percentage.value",
    "holds the request, and the route's timeout does not cover that",
    "delay: {fixedDelay: 150ms, percentage: {value: 100}}",
    async (mesh) => {
      const answer = await mesh.call();
      assert.equal(answer.status, 200);
      assert.ok(answer.tookMs >= 145, `${answer.tookMs} ms`);
    },
  ),
  ...faultProofs(
    "delay.percent",
    "is the old form of the percentage",
    "delay: {fixedDelay: 250ms, percent: 50}",
    async (mesh) => {
      const slow = (await mesh.calls(24)).filter(({ tookMs }) => tookMs >= 245).length;
      // Drawn by chance: 12, give or take four standard deviations.
      assert.ok(slow >= 2 && slow <= 22, `${slow} of 24`);
    },
  ),
  ...faultProofs(
    "delay.percentage",
    "delays nobody when no percentage is given",
    "delay: {fixedDelay: 5s}",
    async (mesh) => {
      const answer = await mesh.call();
      assert.ok(answer.tookMs < 4_900, `${answer.tookMs} ms`);
    },
  ),
  proof(VS, "http[].fault.delay http[].fault.abort", "delays first, then aborts", async (mesh) => {
    await mesh.routes(
      "fault: {delay: {fixedDelay: 80ms, percentage: {value: 100}}, abort: {httpStatus: 503, percentage: {value: 100}}}, ROUTE",
    );
    const answer = await mesh.call();
    assert.deepEqual(answer.headers["x-heddle-flags"]?.split(",").sort(), ["DI", "FI"]);
    assert.ok(answer.tookMs >= 75);
  }),
  proof(VS, "http[].fault", "lies above the retries, which never meet it", async (mesh) => {
    await mesh.routes(
      "fault: {abort: {httpStatus: 503, percentage: {value: 100}}}, retries: {attempts: 3, retryOn: 5xx}, ROUTE",
    );
    const answer = await mesh.call();
    assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "FI"]);
  }),
  proof(
    "TrafficPolicy",
    "fault.scope",
    "lies below the retries with upstream, so that they are tested",
    async (mesh) => {
      await mesh.routes("retries: {attempts: 2, retryOn: 5xx, backoff: 1ms}, ROUTE");
      await mesh.applyOne(
        "TrafficPolicy",
        "destinations: [{host: HOST}], fault: {scope: upstream, abort: {httpStatus: 503, percentage: {value: 100}}}",
      );
      const answer = await mesh.call();
      assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "FI,URX"]);
    },
  ),
];

export const answerCases: readonly ConformanceCase[] = [
  ...redirectRows,
  ...[302, 303, 307, 308].map((code) =>
    proof(VS, "http[].redirect.redirectCode", `answers ${code}`, async (mesh) => {
      await mesh.routes(`redirect: {uri: /new, redirectCode: ${code}}`);
      assert.equal((await mesh.call()).status, code);
    }),
  ),
  proof(
    VS,
    "http[].redirect.redirectCode",
    "answers 500 with a code that does not redirect",
    async (mesh) => {
      await mesh.routes("redirect: {uri: /new, redirectCode: 304}");
      assert.equal((await mesh.call()).status, 500);
    },
  ),
  proof(
    VS,
    "http[].directResponse.status http[].directResponse.body.string",
    "answers without any app, with the content type that headers set",
    async (mesh) => {
      await mesh.routes(
        "directResponse: {status: 202, body: {string: pong}}, headers: {response: {set: {content-type: text/x-pong}}}",
      );
      const answer = await mesh.call();
      assert.deepEqual([answer.status, answer.text], [202, "pong"]);
      assert.equal(answer.headers["content-type"], "text/x-pong");
    },
  ),
  proof(
    VS,
    "http[].directResponse.body.bytes",
    "answers with the bytes that base64 stands for",
    async (mesh) => {
      await mesh.routes('directResponse: {status: 200, body: {bytes: "aMOpIQ=="}}');
      assert.equal((await mesh.call()).text, "hé!");
    },
  ),
  proof(VS, "http[].directResponse.status", "refuses 600", async (mesh) => {
    const spec = "hosts: [HOST], http: [{directResponse: {status: 600}}]";
    await mesh.refused(VS, spec, /directResponse.*status/s);
  }),
  ...corsCases,
  ...faultCases,
];
