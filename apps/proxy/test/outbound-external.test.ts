import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import type { ClientTls } from "@heddle/mesh";
import { type TestAuthority, waitFor } from "@heddle/testkit";
import { LiveMesh } from "../src/core/live-mesh.ts";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { callerOf, countingApp, route } from "./outbound-kit.ts";

const EXTERNAL = { namespace: "shop", name: "api.example.com" };

/** A mesh that knows `api.example.com` by a ServiceEntry. */
function externalMesh(
  t: TestContext,
  list: Parameters<typeof endpoints>[1],
  rest: Parameters<typeof service>[1],
  mesh = new TestMesh(),
): TestMesh {
  t.after(() => mesh.live.close());
  mesh.hosts.set("api.example.com", EXTERNAL);
  mesh.apply(
    service("api.example.com", { isExternal: true, host: "api.example.com", ...rest }),
    endpoints("api.example.com", list),
  );
  return mesh;
}

async function frontOf(t: TestContext, mesh: TestMesh) {
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  return { recorder, proxy };
}

const host = "api.example.com";

test("ServiceEntry STATIC: an external host is served at its addresses, and counted by its name", async (t) => {
  const one = await countingApp(t);
  const mesh = externalMesh(t, [{ port: one.port, workload: "api" }], {});
  mesh.outboundTrafficPolicy = "REGISTRY_ONLY";
  const { proxy, recorder } = await frontOf(t, mesh);
  assert.equal((await send(proxy.port, { host, path: "/x" })).status, 200);
  assert.equal(one.seen[0]?.headers.host, host);
  const { labels } = await recorder.find(() => true);
  assert.equal(labels.destinationService, "api.example.com");
  assert.equal((await send(proxy.port, { host: "other.example.com" })).status, 502);
});

test("ServiceEntry DNS: every address of the name is used; the last good answer holds when DNS fails", async (t) => {
  const one = await countingApp(t);
  let isBroken = false;
  let asked = 0;
  const lookup = async () => {
    asked++;
    if (isBroken) throw new Error("ESERVFAIL");
    return ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  };
  const mesh = new TestMesh(new LiveMesh(() => 0, lookup));
  externalMesh(t, [{ port: one.port, address: "api.internal" }], { resolution: "dns" }, mesh);
  const { proxy } = await frontOf(t, mesh);
  await waitFor("the name is looked up", 5_000, () => asked === 1);
  isBroken = true;
  await waitFor("three addresses", 5_000, () => {
    mesh.resolve(host);
    return (mesh.live.destinations[0]?.endpoints.length ?? 0) === 3;
  });
  // Few enough for the retry budget: two of three addresses refuse.
  for (let round = 0; round < 12; round++) {
    assert.equal(
      (await send(proxy.port, { host })).status,
      200,
      "refused ones are tried elsewhere",
    );
  }
  assert.ok(one.seen.length > 0);
});

test("ServiceEntry NONE: whoever the app asks for is the endpoint, under the entry's rules", async (t) => {
  const one = await countingApp(t);
  const mesh = new TestMesh();
  t.after(() => mesh.live.close());
  const id = { namespace: "shop", name: "wild" };
  mesh.hosts.set("127.0.0.1", id);
  mesh.apply(
    service("wild", {
      isExternal: true,
      host: "*.example.com",
      resolution: "none",
      routes: [
        {
          ...route({ destinations: [{ service: id, weight: 1 }] }),
          headers: { request: { set: { "x-rule": "yes" } } },
        },
      ],
    }),
  );
  const { proxy, recorder } = await frontOf(t, mesh);
  const answer = await send(proxy.port, { host: `127.0.0.1:${one.port}` });
  assert.equal(answer.status, 200);
  assert.equal(one.seen[0]?.headers["x-rule"], "yes");
  const { labels } = await recorder.find(() => true);
  assert.equal(labels.destinationService, "*.example.com");
});

type Server = {
  readonly port: number;
  readonly names: (string | false | null)[];
  readonly clients: (string | undefined)[];
  readonly caFile: string;
  readonly folder: string;
};

/** A real TLS server with a certificate for localhost, and files as a DestinationRule names them. */
async function tlsServer(t: TestContext, by: TestAuthority, asksClient = false): Promise<Server> {
  const { keyPem, chainPem } = await by.issueServer();
  const names: Server["names"] = [];
  const clients: Server["clients"] = [];
  const server = https.createServer(
    {
      key: keyPem,
      cert: chainPem,
      ca: by.trustBundlePem,
      requestCert: asksClient,
      rejectUnauthorized: asksClient,
    },
    (request, response) => {
      const socket = request.socket as TLSSocket;
      names.push(socket.servername ?? null);
      clients.push(asksClient ? socket.getPeerCertificate().subjectaltname : undefined);
      response.end("by TLS");
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = mkdtempSync(join(tmpdir(), "heddle-tls-"));
  t.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  const caFile = join(folder, "ca.pem");
  writeFileSync(caFile, by.trustBundlePem);
  return { port: (server.address() as AddressInfo).port, names, clients, caFile, folder };
}

function withTls(tls: ClientTls) {
  return { trafficPolicy: { tls } };
}

test("tls SIMPLE: the app speaks plaintext, the server gets TLS with a name, its certificate is checked", async (t) => {
  const server = await tlsServer(t, await authority());
  const tls: ClientTls = { mode: "SIMPLE", sni: "localhost", caCertificatesFile: server.caFile };
  const { proxy } = await frontOf(t, externalMesh(t, [{ port: server.port }], withTls(tls)));
  const answer = await send(proxy.port, { host });
  assert.equal(answer.body.toString(), "by TLS");
  assert.deepEqual(server.names, ["localhost"]);
});

const refusals: Record<string, [Partial<ClientTls>, RegExp]> = {
  "for another host than the service's": [{ sni: undefined }, /altnames|does not match/i],
  "without a name the rule demands": [
    { sni: "localhost", subjectAltNames: ["db.example.com"] },
    /is for .*localhost.*, not for db\.example\.com/,
  ],
  "signed by nobody the system trusts": [
    { sni: "localhost", caCertificatesFile: undefined },
    /certificate|unable to/i,
  ],
  "that cannot be checked since the rule's file is missing": [
    { sni: "localhost", caCertificatesFile: "/nowhere/ca.pem" },
    /TLS of the DestinationRule cannot be set up: ENOENT.*\/nowhere\/ca\.pem/,
  ],
};
for (const [what, [rest, reason]] of Object.entries(refusals)) {
  test(`tls SIMPLE: refuses a certificate ${what}: 503, UF`, async (t) => {
    const server = await tlsServer(t, await authority());
    const tls: ClientTls = { mode: "SIMPLE", caCertificatesFile: server.caFile, ...rest };
    const { proxy } = await frontOf(t, externalMesh(t, [{ port: server.port }], withTls(tls)));
    const answer = await send(proxy.port, { host });
    assert.equal(answer.status, 503);
    assert.match(answer.headers["x-heddle-flags"] as string, /^UF/);
    assert.match(answer.body.toString(), reason);
    assert.deepEqual(server.names, []);
  });
}

test("tls.subjectAltNames: any of them will do; insecureSkipVerify takes whoever answers", async (t) => {
  const server = await tlsServer(t, await authority());
  const good: ClientTls = {
    mode: "SIMPLE",
    caCertificatesFile: server.caFile,
    subjectAltNames: ["db.example.com", "localhost"],
  };
  const one = await frontOf(t, externalMesh(t, [{ port: server.port }], withTls(good)));
  assert.equal((await send(one.proxy.port, { host })).status, 200);
  const blind: ClientTls = { mode: "SIMPLE", skipsVerification: true };
  const other = await frontOf(t, externalMesh(t, [{ port: server.port }], withTls(blind)));
  assert.equal((await send(other.proxy.port, { host })).status, 200);
  assert.deepEqual(
    server.names,
    ["api.example.com", "api.example.com"],
    "the host is the name asked for",
  );
});

test("tls MUTUAL: shows the rule's certificate, and a renewed one for the next connection", async (t) => {
  const by = await authority();
  const server = await tlsServer(t, by, true);
  const issue = async (workload: string) => {
    const { keyPem, chainPem } = await by.issueWorkload({
      namespace: "shop",
      workload,
      service: workload,
    });
    for (const [name, text] of [
      ["cert.pem", chainPem],
      ["key.pem", keyPem],
    ] as const) {
      writeFileSync(join(server.folder, `${name}.new`), text);
      renameSync(join(server.folder, `${name}.new`), join(server.folder, name));
    }
  };
  await issue("first");
  const tls: ClientTls = {
    mode: "MUTUAL",
    sni: "localhost",
    caCertificatesFile: server.caFile,
    clientCertificateFile: join(server.folder, "cert.pem"),
    privateKeyFile: join(server.folder, "key.pem"),
  };
  const { proxy } = await frontOf(t, externalMesh(t, [{ port: server.port }], withTls(tls)));
  assert.equal((await send(proxy.port, { host })).status, 200);
  assert.match(server.clients[0] ?? "", /\/sa\/first$/);
  await issue("second");
  await waitFor("the new certificate is shown", 8_000, async () => {
    await send(proxy.port, { host });
    return /\/sa\/second$/.test(server.clients.at(-1) ?? "");
  });
});

test("tls DISABLE: plaintext though the endpoint has a sidecar; ISTIO_MUTUAL: as without a rule", async (t) => {
  const one = await app(t, (_request, response) => response.end("ok"));
  const workload = await hosted("reviews", { appPort: one.port, by: await authority() });
  const callers = new MemoryRecorder();
  const listener = await inbound(t, workload, callers);
  const at = { port: listener.port, identity: workload.identity.spiffeId ?? "" };
  for (const [mode, security] of [
    ["DISABLE", "none"],
    ["ISTIO_MUTUAL", "mutual_tls"],
  ] as const) {
    const { proxy } = await callerOf(t, [at], withTls({ mode }));
    assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
    const { labels } = await callers.find(({ labels }) => labels.security === security);
    assert.equal(labels.responseCode, 200);
  }
});
