import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findFreePorts, TestAuthority, TestControlPlane, waitFor } from "@heddle/testkit";
import { startProxyProcess, temporaryFolder } from "./support/proxy-process.ts";

const config = {
  name: "host-a",
  workloads: [
    {
      namespace: "shop",
      service: "reviews",
      version: "v2",
      appPort: 9,
      outbounds: [{ host: "ratings:8080", localPort: 0 }],
    },
    { namespace: "shop", service: "caller" },
  ],
};

function start(t: TestContext, dataDir: string, address: string, token: string | undefined) {
  const env = {
    HEDDLE_CONTROL_PLANE: address,
    ...(token === undefined ? {} : { HEDDLE_JOIN_TOKEN: token }),
  };
  return startProxyProcess(t, { dataDir, config, env });
}

test("joins, registers its workloads and says on which ports they are served", async (t) => {
  const control = await TestControlPlane.start(t);
  const dataDir = temporaryFolder(t);
  const proxy = start(t, dataDir, control.address, control.token);
  const ready = await proxy.ready();
  const hello = await control.message("hello");
  assert.equal(hello.proxyName, "host-a");
  const [reviews, caller] = hello.workloads;
  assert.equal(reviews?.workload, "reviews-v2");
  assert.deepEqual(reviews.labels, { app: "reviews", version: "v2" });
  assert.equal(reviews.instanceId, "proxy-1/shop/reviews-v2");
  assert.equal(reviews.inboundPort, ready.workloads[0]?.inboundPort);
  assert.equal(caller?.appPort, undefined);
  assert.ok((ready.workloads[0]?.outbounds[0]?.localPort ?? 0) > 0);
  assert.equal((await proxy.admin("/healthz/ready")).status, 200);
});

test("keeps its data folder to itself and shows no key", async (t) => {
  const control = await TestControlPlane.start(t);
  const dataDir = temporaryFolder(t);
  const proxy = start(t, dataDir, control.address, control.token);
  await proxy.ready();
  await waitFor("the configuration lies on disk", 5_000, () =>
    statSync(join(dataDir, "data/configuration.json")).isFile(),
  );
  assert.equal(statSync(join(dataDir, "data")).mode & 0o777, 0o700);
  assert.equal(statSync(join(dataDir, "data/identities/proxy.json")).mode & 0o777, 0o600);
  const dump = await (await proxy.admin("/config_dump")).text();
  assert.match(dump, /spiffe:\/\/cluster\.local\/ns\/shop\/sa\/reviews-v2/);
  assert.doesNotMatch(dump, /PRIVATE KEY/);
  assert.doesNotMatch(proxy.log(), /hdl1\./);
});

test("opens nothing but inbound ports to others, whatever address it binds", async (t) => {
  const control = await TestControlPlane.start(t);
  const bindAddress = "127.0.0.3"; // stands for 0.0.0.0: what is on loopback alone is not there
  const proxy = startProxyProcess(t, {
    dataDir: temporaryFolder(t),
    config,
    env: {
      HEDDLE_CONTROL_PLANE: control.address,
      HEDDLE_JOIN_TOKEN: control.token,
      HEDDLE_BIND_ADDRESS: bindAddress,
    },
  });
  const { adminPort, workloads } = await proxy.ready();
  const { inboundPort = 0, outboundPort = 0, outbounds = [] } = workloads[0] ?? {};
  assert.equal(await canConnect(bindAddress, inboundPort), true);
  for (const port of [adminPort, outboundPort, outbounds[0]?.localPort ?? 0]) {
    assert.equal(await canConnect(bindAddress, port), false, `port ${port}`);
    assert.equal(await canConnect("127.0.0.1", port), true, `port ${port}`);
  }
});

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

test("ends with the reason, and has sent nothing, when the root is not the token's", async (t) => {
  const impostor = await TestControlPlane.start(t);
  const { rootHash } = await TestAuthority.create();
  const proxy = start(t, temporaryFolder(t), impostor.address, `hdl1.id.secret.${rootHash}`);
  assert.equal(await proxy.exited(), 1);
  assert.match(proxy.log(), /is not the one the join token was made for/);
  assert.equal(impostor.joins, 0);
});

test("ends with the reason when the control plane does not know the token", async (t) => {
  const control = await TestControlPlane.start(t);
  const token = `hdl1.other.secret.${control.authority.rootHash}`;
  const proxy = start(t, temporaryFolder(t), control.address, token);
  assert.equal(await proxy.exited(), 1);
  assert.match(proxy.log(), /refused the join token \(401\): this token is not known/);
});

test("waits for a control plane that is not there yet", async (t) => {
  const [port = 0] = await findFreePorts(1);
  const authority = await TestAuthority.create();
  const token = `hdl1.test.secret.${authority.rootHash}`;
  const proxy = start(t, temporaryFolder(t), `127.0.0.1:${port}`, token);
  await waitFor("a first try has failed", 10_000, () => proxy.log().includes("no control stream"));
  await TestControlPlane.start(t, { authority, port });
  await proxy.ready();
});

test("serves on the same ports after a restart, before any control plane answers", async (t) => {
  const control = await TestControlPlane.start(t);
  const dataDir = temporaryFolder(t);
  const first = start(t, dataDir, control.address, control.token);
  const before = await first.ready();
  await control.message("ack");
  await waitFor("the configuration lies on disk", 5_000, () =>
    statSync(join(dataDir, "data/configuration.json")).isFile(),
  );
  first.child.kill("SIGKILL");
  await first.exited();
  await control.stop();
  const second = start(t, dataDir, control.address, undefined);
  const after = await second.ready();
  assert.deepEqual(after.workloads, before.workloads);
  assert.equal(after.adminPort, before.adminPort);
});

test("says goodbye and exits cleanly on SIGTERM", async (t) => {
  const control = await TestControlPlane.start(t);
  const proxy = start(t, temporaryFolder(t), control.address, control.token);
  await proxy.ready();
  proxy.child.kill("SIGTERM");
  await control.message("bye");
  assert.equal(await proxy.exited(), 0);
});

test("names every fault of environment and file at once, and shows no token", async (t) => {
  const proxy = startProxyProcess(t, {
    dataDir: temporaryFolder(t),
    config: {
      name: "host-a",
      workloads: [{ namespace: "Shop", service: "reviews", appPort: 70_000, prot: 1 }],
    },
    env: {
      HEDDLE_CONTROL_PLANE: "nowhere",
      HEDDLE_JOIN_TOKEN: "hdl1.half-a-secret",
      HEDDLE_TRACE_SAMPLING: "2",
      HEDDLE_HTTP_MAX_HEADERS: "3",
      HEDDLE_HTTP_MAX_LINE_BYTES: "16k",
    },
  });
  assert.equal(await proxy.exited(), 1);
  const log = proxy.log();
  assert.match(
    log,
    /HEDDLE_CONTROL_PLANE: expected host:port, or up to 16 of them separated by commas \(is "nowhere"\)/,
  );
  assert.match(log, /HEDDLE_TRACE_SAMPLING: expected a share from 0 to 1 \(is "2"\)/);
  assert.match(log, /HEDDLE_HTTP_MAX_HEADERS: expected fields of one head, 16 to 1000 \(is "3"\)/);
  assert.match(log, /HEDDLE_HTTP_MAX_LINE_BYTES: expected bytes of one line, .* \(is "16k"\)/);
  assert.match(log, /HEDDLE_JOIN_TOKEN: expected hdl1/);
  assert.match(log, /workloads\.0\.namespace: .* \(is "Shop"\)/);
  assert.match(log, /workloads\.0\.appPort: .*65535.* \(is 70000\)/);
  assert.match(log, /prot/);
  assert.doesNotMatch(log, /half-a-secret/);
});

test("refuses a configured port that is taken, and names it", async (t) => {
  const control = await TestControlPlane.start(t);
  const taken = { ...config, adminPort: control.port };
  const proxy = startProxyProcess(t, {
    dataDir: temporaryFolder(t),
    config: taken,
    env: { HEDDLE_CONTROL_PLANE: control.address, HEDDLE_JOIN_TOKEN: control.token },
  });
  assert.equal(await proxy.exited(), 1);
  assert.match(proxy.log(), new RegExp(`port ${control.port} \\(admin\\) is taken`));
});
