// PeerAuthentication as Istio means it, over real sockets through a real control plane and real proxies: the
// rows are those of mtls-grid/expected.ts, which docs/mtls-grid.md is made of.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import net, { type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type Mesh,
  startMesh,
  TestAuthority,
  type TestCertificate,
  waitFor,
} from "@heddle/testkit";
import { type Arrivals, callOnce, type Shown } from "./mtls-grid/call.ts";
import { type Caller, type Cell, cells, LEVELS, MODES } from "./mtls-grid/expected.ts";
import { policiesAt } from "./mtls-grid/policies.ts";

const START_TIMEOUT_MS = 90_000;
const SIDECAR = ["istio-http/1.1", "istio"];
const TCP_SIDECAR = ["istio"];
const BROWSER = ["h2", "http/1.1"];

/** What a proxy's admin port says of its configuration, as far as it matters here. */
type Dump = { readonly resources: readonly { readonly revoked?: readonly unknown[] }[] };

const cleanups: (() => void | Promise<void>)[] = [];
const scope = { after: (cleanup: () => void | Promise<void>) => void cleanups.push(cleanup) };
const arrivals: Arrivals = { http: [], tcp: [] };
const certificates = new Map<Caller, TestCertificate | undefined>();
let mesh: Mesh;
let ports: { readonly http: number; readonly tcp: number };
let appPorts: number[] = [];

before(
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-grid-"));
    scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
    const authority = await (await TestAuthority.create()).intermediate();
    mesh = await startMesh(scope, { env: await authority.writeFiles(folder) });
    appPorts = [await startHttpApp(), await startTcpApp()];
    // Before the workload exists: so DISABLE holds for it from the beginning, and never begins to.
    await mesh.apply(policiesAt("mesh", "DISABLE", appPorts));
    await mesh.startProxy(
      "shop",
      { name: "callers", workloads: ["front", "former"].map(callerOf) },
      { HEDDLE_DATA_DIR: join(folder, "callers") },
    );
    const server = await mesh.startProxy("shop", {
      name: "till",
      workloads: [
        {
          namespace: "shop",
          service: "till",
          ports: [
            { port: appPorts[0], protocol: "http", name: "http" },
            { port: appPorts[1], protocol: "tcp", name: "tcp" },
          ],
        },
      ],
    });
    const [first, second] = server.ready.workloads[0]?.ports ?? [];
    ports = { http: first?.inboundPort ?? 0, tcp: second?.inboundPort ?? 0 };
    const former = readIdentity(join(folder, "callers"), "former");
    await revoke("former");
    const { adminPort } = server.ready;
    await waitFor("the server's proxy has heard of it", 20_000, async () => {
      const dump = await fetch(`http://127.0.0.1:${adminPort}/config_dump`);
      const { resources } = (await dump.json()) as Dump;
      return resources.some(({ revoked = [] }) => revoked.length > 0);
    });
    const front = { namespace: "shop", workload: "front", service: "front" };
    const minuteMs = 60_000;
    certificates.set(
      "mTLS, the mesh's own identity",
      readIdentity(join(folder, "callers"), "front"),
    );
    certificates.set(
      "mTLS, an identity of another trust domain",
      await authority.issueWorkload({ ...front, trustDomain: "other.example" }),
    );
    certificates.set(
      "mTLS, an expired certificate",
      await authority.issueWorkload(front, -minuteMs, 60 * minuteMs),
    );
    certificates.set("mTLS, a revoked certificate", former);
  },
  { timeout: START_TIMEOUT_MS },
);
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

for (const mode of MODES) {
  for (const level of LEVELS) {
    describe(`${mode} of the ${level}`, { concurrency: 1 }, () => {
      before(async () => void (await mesh.apply(policiesAt(level, mode, appPorts))));
      cells()
        .filter((cell) => cell.mode === mode && cell.level === level)
        .forEach(register);
    });
  }
}

function register({ caller, port, outcome }: Cell): void {
  test(`${caller}, to a port of ${port}: ${outcome}`, { timeout: 30_000 }, async () => {
    const shown = shownBy(caller, port === "tcp");
    assert.equal(await callOnce(ports[port], port, shown, arrivals), outcome);
  });
}

function shownBy(caller: Caller, isTcp: boolean): Shown | undefined {
  if (caller === "plaintext") return undefined;
  const certificate = certificates.get(caller);
  if (certificate === undefined) return { certificate, protocols: isTcp ? [] : BROWSER };
  return { certificate, protocols: isTcp ? TCP_SIDECAR : SIDECAR };
}

function callerOf(service: string) {
  return { namespace: "shop", service };
}

/** What a proxy holds for one of its workloads. */
function readIdentity(folder: string, workload: string): TestCertificate {
  const file = join(folder, "identities", `workload.shop.${workload}.json`);
  return JSON.parse(readFileSync(file, "utf8")) as TestCertificate;
}

async function revoke(workload: string): Promise<void> {
  const request = { workload: `shop/${workload}`, reason: "the grid" };
  const { status, body } = await mesh.call("POST", "/certificates/revocations", request);
  assert.equal(status, 200, JSON.stringify(body));
}

function startHttpApp(): Promise<number> {
  return listen(
    http.createServer((request, response) => {
      const certificate = request.headers["x-forwarded-client-cert"];
      arrivals.http.push({
        certificate: certificate === undefined ? undefined : String(certificate),
      });
      response.end("served");
    }),
  );
}

/** Notes the first byte of each connection, and ends it. */
function startTcpApp(): Promise<number> {
  return listen(
    net.createServer((socket) => {
      socket.on("error", () => undefined); // the caller has gone
      socket.once("data", (bytes: Buffer) => {
        arrivals.tcp.push(bytes[0] ?? -1);
        socket.end("bye");
      });
    }),
  );
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}
