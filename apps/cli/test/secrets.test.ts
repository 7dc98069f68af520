import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { dumpDatabase, findFreePorts, waitFor } from "@heddle/testkit";
import { type Env, HeddleProcess, heddleOnce, newUpEnv, startUp } from "./up-process.ts";

/** What a careless caller or app may say; no proxy may write any of it down. */
const MARKERS = {
  bearer: "mk-bearer-8f31c0",
  basicPassword: "mk-basic-5d20aa",
  cookie: "mk-cookie-77b1e4",
  setCookie: "mk-setcookie-19fe02",
  apiKey: "mk-apikey-c4d810",
  proxyAuthorization: "mk-proxyauth-3e9b57",
  queryToken: "mk-query-a1c9d3",
  requestBody: "mk-body-0b77f2",
  responseBody: "mk-answer-d90e61",
  userInfo: "mk-userinfo-66c2b8",
} as const;

/** Heads that carry the markers; the bearer is shaped as a JWT. */
const HEADERS = {
  authorization: `Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJtZSJ9.${MARKERS.bearer}`,
  cookie: `session=${MARKERS.cookie}; theme=dark`,
  "x-api-key": MARKERS.apiKey,
  "proxy-authorization": `Basic ${MARKERS.proxyAuthorization}`,
} as const;
const QUERY = `access_token=${MARKERS.queryToken}&password=${MARKERS.queryToken}`;

const RULES = `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: everything, namespace: default}
spec:
  accessLogging: [{}]
  tracing:
    - randomSamplingPercentage: 100
      customTags:
        auth: {header: {name: authorization}}
        jar: {header: {name: cookie}}
        key: {header: {name: x-api-key}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: default}
spec:
  selector: {matchLabels: {app: vault}}
  action: DENY
  rules: [{to: [{operation: {paths: [/denied]}}]}]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: default}
spec:
  selector: {matchLabels: {app: strongroom}}
  jwtRules: [{issuer: me, jwks: '{"keys": []}'}]
`;

type Proxy = {
  readonly run: HeddleProcess;
  readonly admin: number;
  readonly outbound: number;
  readonly inbound: number;
};

test("no secret, token or cookie is in any log, span, metric, answer or dump the stack writes", async (t) => {
  const env = await newUpEnv(t);
  const home = env["HEDDLE_HOME"] ?? "";
  const up = await startUp(env, "--no-demo");
  const app = await startApp(t);
  const joined = JSON.parse(
    (await heddleOnce(["token", "create", "--uses", "1", "-o", "json"], env)).stdout,
  ) as { token: string };
  const proxy = await startProxy(env, app, joined.token);
  const applied = new HeddleProcess(["apply", "-f", "-"], env);
  applied.child.stdin?.end(RULES);
  assert.equal((await applied.ended).code, 0, applied.stderr);

  const answers = await drive(proxy);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 500, 503, 403, 401, 400, 400, 200],
    answers.map(({ text }) => text).join("\n"),
  );
  const database = databaseUrl(env);
  await waitFor("the spans are stored", 30_000, async () => {
    const dump = await dumpDatabase(database);
    return (dump.match(/^telemetry\.span/gm) ?? []).length >= 8;
  });

  const written = new Map<string, string>([
    [
      "the errors proxies answered",
      answers
        .slice(2, -1)
        .map(({ text }) => text)
        .join("\n"),
    ],
    ["the proxy's output", proxy.run.stdout + proxy.run.stderr],
    ["heddle up's errors", up.stderr],
    ["the database", await dumpDatabase(database)],
    ...logsOf(home),
    ...(await askAll(`http://127.0.0.1:${proxy.admin}`, [
      "/metrics",
      "/config_dump",
      "/stats",
      "/healthz/ready",
    ])),
    ...(await askAll(`http://127.0.0.1:${env["HEDDLE_CONTROL_ADMIN_PORT"]}`, ["/metrics"])),
    ...(await askAll(`http://127.0.0.1:${env["HEDDLE_COLLECTOR_ADMIN_PORT"]}`, ["/metrics"])),
    ...(await askApi(env)),
  ]);
  const own = readJson(join(home, "secrets.json"));
  const { token = "" } = readJson(join(home, "credentials.json"));
  const secrets = {
    ...MARKERS,
    ...own,
    cliToken: token,
    joinSecret: joined.token.split(".")[2] ?? "",
    privateKey: "PRIVATE KEY",
  };
  assert.ok(Object.values(secrets).every((secret) => secret.length > 8));
  assert.ok(own["authSecret"] && own["caSecret"] && own["databasePassword"]);
  assert.deepEqual(findIn(written, secrets), []);
  // The search finds what is there: the caller's path is in the log, the spans and the database.
  assert.notDeepEqual(findIn(written, { path: "/status-500" }), []);
});

/** `name in place`, for each secret that is there as it is or as base64, hex or URL-encoded. */
function findIn(
  written: ReadonlyMap<string, string>,
  secrets: Readonly<Record<string, string>>,
): string[] {
  return [...written].flatMap(([place, text]) =>
    Object.entries(secrets).flatMap(([name, secret]) =>
      formsOf(secret).some((form) => text.includes(form)) ? [`${name} in ${place}`] : [],
    ),
  );
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Base64 of a text inside another shifts by what stands before; its middle is the same in one of three.
  const shifted = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  return [secret, encodeURIComponent(secret), bytes.toString("hex"), ...shifted];
}

async function startApp(t: { after(clean: () => void): void }): Promise<number> {
  const server = http.createServer((request, response) => {
    request.resume();
    response.setHeader("set-cookie", `id=${MARKERS.setCookie}`);
    if (request.url?.startsWith("/reset")) {
      request.socket.destroy();
      return;
    }
    response.statusCode = request.url?.startsWith("/status-500") ? 500 : 200;
    response.end(`answered ${MARKERS.responseBody}`);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** One proxy for all, as talkative as can be. */
async function startProxy(env: Env, appPort: number, joinToken: string): Promise<Proxy> {
  const [admin = 0, outbound = 0, inbound = 0, strongroom = 0] = await findFreePorts(4);
  const file = join(env["HEDDLE_HOME"] ?? "", "proxy.json");
  const workloads = [
    { namespace: "default", service: "caller", outboundPort: outbound },
    { namespace: "default", service: "vault", appPort, protocol: "http", inboundPort: inbound },
    {
      namespace: "default",
      service: "strongroom",
      appPort,
      protocol: "http",
      inboundPort: strongroom,
    },
  ];
  writeFileSync(file, JSON.stringify({ name: "test", adminPort: admin, workloads }));
  const run = new HeddleProcess(["proxy", "--config", file], {
    ...env,
    HEDDLE_CONTROL_PLANE: `127.0.0.1:${env["HEDDLE_CONTROL_PORT"]}`,
    HEDDLE_JOIN_TOKEN: joinToken,
    HEDDLE_DATA_DIR: join(env["HEDDLE_HOME"] ?? "", "proxies", "test"),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${env["HEDDLE_OTLP_PORT"]}`,
    HEDDLE_TRACE_SAMPLING: "1",
    HEDDLE_ACCESS_LOG: "all",
    HEDDLE_LOG_LEVEL: "trace",
  });
  await waitFor("the proxy is ready", 60_000, async () => {
    if (run.hasEnded) throw new Error(run.stderr);
    const ready = await fetch(`http://127.0.0.1:${admin}/healthz/ready`).catch(() => undefined);
    return ready?.ok === true;
  });
  return { run, admin, outbound, inbound };
}

type Answer = { readonly status: number; readonly text: string };

/** Every way a request can go, markers in all of it. */
async function drive({ outbound, inbound }: Proxy): Promise<Answer[]> {
  const ask = (host: string, path: string, port = outbound) =>
    send({ port, path: `${path}?${QUERY}`, headers: { host, ...HEADERS } });
  // The rules come with the services they are of: the first answers may be of a time before.
  await waitFor("the rules hold", 20_000, async () => {
    const [denied, refused] = [await ask("vault", "/denied"), await ask("strongroom", "/")];
    return denied.status === 403 && refused.status === 401;
  });
  return [
    await ask("vault", "/fine"),
    await ask("vault", "/status-500"),
    await ask("vault", "/reset"),
    await ask("vault", "/denied"),
    await ask("strongroom", "/"),
    await sendRaw(outbound, [
      `GET /bad?${QUERY} HTTP/1.1`,
      "Host: vault",
      ...Object.entries(HEADERS).map(([name, value]) => `${name} : ${value}`),
    ]),
    await sendRaw(outbound, [
      `GET http://user:${MARKERS.userInfo}@nobody.invalid/ HTTP/1.1`,
      `Host: user:${MARKERS.userInfo}@nobody.invalid`,
      `Authorization: Basic ${MARKERS.basicPassword}`,
    ]),
    await ask("vault", "/plaintext", inbound),
  ];
}

function send(options: http.RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: "127.0.0.1", method: "POST", agent: false, ...options },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    request.once("error", reject);
    request.end(MARKERS.requestBody);
  });
}

/** A head a client library would not send. */
async function sendRaw(port: number, lines: readonly string[]): Promise<Answer> {
  const socket = net.connect(port, "127.0.0.1");
  socket.end([...lines, "", ""].join("\r\n"));
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => (text += chunk));
  await once(socket, "close");
  return { status: Number(text.split(" ")[1]), text };
}

function logsOf(home: string): [string, string][] {
  const folder = join(home, "logs");
  return readdirSync(folder).map((file) => [
    `logs/${file}`,
    readFileSync(join(folder, file), "utf8"),
  ]);
}

async function askAll(base: string, paths: readonly string[]): Promise<[string, string][]> {
  const texts = await Promise.all(paths.map(async (path) => (await fetch(base + path)).text()));
  return paths.map((path, index) => [`${base}${path}`, texts[index] ?? ""]);
}

/** What the console's API tells, each trace included. */
async function askApi(env: Env): Promise<[string, string][]> {
  const { apiUrl, token } = readJson(join(env["HEDDLE_HOME"] ?? "", "credentials.json"));
  const headers = { authorization: `Bearer ${token}` };
  const ask = async (path: string): Promise<[string, string]> => {
    const answer = await fetch(new URL(`/api/v1${path}`, apiUrl), { headers });
    assert.equal(answer.status, 200, `${path}: ${answer.status}`);
    return [path, await answer.text()];
  };
  const paths = ["/proxies", "/workloads", "/graph", "/denials", "/revisions", "/me", "/status"];
  const more = ["/identity", "/certificates", "/tokens", "/audit", "/policies", "/resources"];
  const told = await Promise.all([...paths, ...more].map(ask));
  const denials = told.find(([path]) => path === "/denials")?.[1] ?? "";
  const traces = [...denials.matchAll(/"lastTraceId":"([0-9a-f]{32})"/g)].map(([, id]) => id);
  assert.ok(traces.length > 0);
  return [...told, ...(await Promise.all(traces.map((id) => ask(`/traces/${id}`))))];
}

function databaseUrl(env: Env): string {
  const { databasePassword } = readJson(join(env["HEDDLE_HOME"] ?? "", "secrets.json"));
  return `postgres://heddle:${databasePassword}@127.0.0.1:${env["HEDDLE_DATABASE_PORT"]}/heddle`;
}

function readJson(file: string): Record<string, string> {
  return JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
}
