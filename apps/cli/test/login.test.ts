import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ApiTokensResponse, SetupLinkResponse } from "@heddle/contracts";
import { toHeddleError } from "@heddle/runtime";
import { type Mesh, startMesh } from "@heddle/testkit";
import { forward } from "../../web/lib/gateway/forward.ts";
import { login } from "../../web/lib/gateway/login.ts";

const heddle = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));
const PASSWORD = "a long enough password";

test("the command line logs in to a console elsewhere by password, and out again", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-login-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const mesh = await startMesh(t);
  const origin = await startDoor(t, mesh);
  const grants = [{ namespace: "shop", role: "viewer" }];
  const made = await mesh.call<SetupLinkResponse>("POST", "/users", { name: "vera", grants });
  const setup = { token: made.body.setupToken, password: PASSWORD };
  assert.equal((await mesh.call("POST", "/setup", setup)).status, 200);
  const run = (input: string, ...args: string[]) => runHeddle(folder, input, args);

  const wrong = await run("not the password", "login", "--server", origin, "--user", "vera");
  assert.deepEqual([wrong.code, wrong.err], [1, "heddle: name or password is wrong\n"]);
  const nowhere = await run("", "get", "workloads");
  assert.match(nowhere.err, /no mesh found: .*heddle login --server/);
  const done = await run(`${PASSWORD}\n`, "login", "--server", origin, "--user", "vera");
  assert.deepEqual([done.code, done.out], [0, `logged in to ${origin} as vera\n`], done.err);
  const file = join(folder, "heddle/logins.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(!readFileSync(file, "utf8").includes(PASSWORD));

  assert.equal((await run("", "get", "workloads")).code, 0);
  const refused = await run("", "canary", "rollback", "shop/payments");
  assert.match(refused.err, /vera can see shop but not change it/);
  const tokens = await mesh.call<ApiTokensResponse>("GET", "/api-tokens?all=true");
  const [token] = tokens.body.tokens.filter(({ owner }) => owner === "vera");
  assert.match(token?.name ?? "", /^heddle on /);
  assert.deepEqual(token?.grants, grants);

  assert.equal((await run("", "logout")).out, `logged out of ${origin}\n`);
  assert.match((await run("", "get", "workloads")).err, /no mesh found/);
  const left = await mesh.call<ApiTokensResponse>("GET", "/api-tokens?all=true");
  assert.equal(left.body.tokens.filter(({ owner }) => owner === "vera").length, 0);

  const byToken = await run(mesh.apiToken, "login", "--server", origin, "--token-stdin");
  assert.equal(byToken.out, `logged in to ${origin} as test\n`, byToken.err);
});

/** The console's own door to the API, without its pages. */
async function startDoor(t: TestContext, mesh: Mesh): Promise<string> {
  const url = new URL(`http://127.0.0.1:${mesh.controlPlane.ready.adminPort}`);
  const config = {
    controlPlaneUrl: url,
    controlPlaneUrls: [url],
    collectorUrl: url,
    trustedProxies: 0,
  };
  const serve = async (incoming: http.IncomingMessage, outgoing: http.ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const headers = new Headers(
      Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    );
    const { method = "GET", url: path = "/" } = incoming;
    const request = new Request(new URL(path, origin), {
      method,
      headers,
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    const isLogin = path === "/api/v1/login/password";
    const answer = await (isLogin ? login(request, "password", config) : forward(request, config));
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    outgoing.end(await answer.text());
  };
  const server = http.createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: unknown) => outgoing.destroy(toHeddleError(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return origin;
}

async function runHeddle(folder: string, input: string, args: readonly string[]) {
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, XDG_CONFIG_HOME: folder };
  return new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      [heddle, ...args],
      { env, cwd: folder },
      (error, out, err) => resolve({ code: error?.code ?? 0, out, err }),
    );
    child.stdin?.end(input);
  });
}
