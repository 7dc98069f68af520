// A mesh that renews everything it believes in, under load: leaves that live a minute, intermediate and root
// rotated twice. Five minutes in the tests; HEDDLE_SOAK_MINUTES=60 for the long one.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { CertificatesResponse, IdentityResponse, RotationState } from "@heddle/contracts";
import {
  chainApps,
  findFreePorts,
  knownClient,
  type Mesh,
  readKnownLog,
  type Scope,
  startMesh,
  waitFor,
} from "@heddle/testkit";

const MINUTES = Number(process.env["HEDDLE_SOAK_MINUTES"] ?? 5);
const SOAK_MS = MINUTES * 60_000;
const LEAF_SECONDS = 60;
/** Other tests run beside: a sidecar that gets no processor for a second is not to turn requests away for it. */
const MAX_LAG_MS = 20_000;
const RATE = 200;
/** The caller, then four hops. */
const SERVICES = ["caller", "first", "second", "third", "fourth"] as const;
/** What is rotated when, as a share of the time. */
const ROTATIONS = [
  ["intermediate", 0.1],
  ["root", 0.25],
  ["intermediate", 0.55],
  ["root", 0.7],
] as const;

test(`for ${MINUTES} minutes of ${RATE} requests a second over four hops, certificates rotate and nothing fails`, {
  timeout: SOAK_MS + 180_000,
}, async (t) => {
  const mesh = await startMesh(t, {
    env: { HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS: String(LEAF_SECONDS) },
  });
  const { sidecars, log } = await startChain(t, mesh);
  await waitFor("answers come", 30_000, () =>
    readKnownLog(log).some(({ status }) => status === 200),
  );
  const before = await identity(mesh);
  const startedMs = Date.now();
  for (const [of, share] of ROTATIONS) {
    await until(startedMs + share * SOAK_MS);
    const started = await mesh.call<RotationState>("POST", "/identity/rotations", { of });
    assert.equal(started.status, 200, JSON.stringify(started.body));
    await waitFor(`the ${of} is rotated`, 120_000, async () => {
      return (await identity(mesh)).rotation === undefined;
    });
  }
  await until(startedMs + SOAK_MS);

  const requests = readKnownLog(log).filter(({ startMs }) => startMs >= startedMs);
  const failed = requests.filter(({ status }) => status !== 200);
  assert.deepEqual(failed.slice(0, 10), [], `${failed.length} of ${requests.length} failed`);
  assert.ok(requests.length > RATE * (SOAK_MS / 1000) * 0.9, `only ${requests.length} requests`);
  for (const { ready } of sidecars) {
    assert.deepEqual(await refusals(ready.adminPort), [], "handshakes refused");
  }

  const after = await identity(mesh);
  assert.deepEqual(after.alarms, []);
  assert.deepEqual(
    signers(after).map(({ role }) => role),
    ["root", "intermediate"],
  );
  for (const { id } of signers(before)) {
    const then = after.authorities.find((authority) => authority.id === id);
    assert.ok(then === undefined || then.state === "retired", `${id} is ${then?.state}`);
  }
  const intermediate = signers(after).find(({ role }) => role === "intermediate");
  const { body } = await mesh.call<CertificatesResponse>("GET", "/certificates?inUse=true");
  assert.deepEqual(
    new Set(body.certificates.map(({ issuerId }) => issuerId)),
    new Set([intermediate?.id]),
  );
  assert.ok(body.certificates.every(({ notAfterMs }) => notAfterMs > Date.now()));
  t.diagnostic(`${requests.length} requests, ${failed.length} failed`);
});

/** Five sidecars in a row and their apps, under load. */
async function startChain(t: Scope, mesh: Mesh) {
  const folder = mkdtempSync(join(tmpdir(), "heddle-soak-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const ports = await findFreePorts(SERVICES.length);
  const sidecars = await Promise.all(
    SERVICES.map((service, index) => {
      const app = index === 0 ? {} : { appPort: ports[index], protocol: "http" };
      const workloads = [{ namespace: "shop", service, ...app }];
      const config = { name: service, workloads };
      return mesh.startProxy("shop", config, { HEDDLE_MAX_LAG_MS: String(MAX_LAG_MS) });
    }),
  );
  const outbound = (index: number) => sidecars[index]?.ready.workloads[0]?.outboundPort ?? 0;
  const chain = SERVICES.slice(1).map((_, index) => ({
    port: ports[index + 1],
    ...(index + 2 < SERVICES.length && {
      outboundPort: outbound(index + 1),
      next: SERVICES[index + 2],
    }),
  }));
  run(t, chainApps, { CHAIN: JSON.stringify(chain) });
  const log = join(folder, "requests.log");
  run(t, knownClient, {
    HEDDLE_OUTBOUND_URL: `http://127.0.0.1:${outbound(0)}`,
    HOST_HEADER: "first",
    RATE: String(RATE),
    LOG_FILE: log,
  });
  return { log, sidecars };
}

function run(t: Scope, [command = "", ...args]: readonly string[], env: Record<string, string>) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: "inherit" });
  t.after(() => void child.kill("SIGKILL"));
}

async function identity(mesh: Mesh): Promise<IdentityResponse> {
  return (await mesh.call<IdentityResponse>("GET", "/identity")).body;
}

function signers({ authorities }: IdentityResponse) {
  return authorities
    .filter(({ state }) => state === "signing")
    .toSorted((a, b) => b.role.localeCompare(a.role));
}

/** The counters of connections a sidecar turned away, where they are not zero. */
async function refusals(adminPort: number): Promise<string[]> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return text
    .split("\n")
    .filter((line) => /^heddle_(mtls|plaintext)_refused_total/.test(line) && !line.endsWith(" 0"));
}

async function until(atMs: number): Promise<void> {
  await waitFor(
    "its time comes",
    Math.max(1, atMs - Date.now()) + 60_000,
    () => Date.now() >= atMs,
  );
}
