import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Mesh, startMesh } from "@heddle/testkit";

const heddle = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));
const root = fileURLToPath(new URL("../../..", import.meta.url));
const corpora = process.env["HEDDLE_CORPORA"] ?? join(root, "../shared/corpora");

const EXTERNAL = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: rates, namespace: shop}
spec: {hosts: [rates.example.com], resolution: DNS, ports: [{number: 443, name: https, protocol: TLS}]}
`;
const split = (weight: number) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}, weight: ${100 - weight}}, {destination: {host: reviews, subset: v2}, weight: ${weight}}]}]}
`;
const GATEWAY = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {servers: []}
`;

describe("documents on the command line", () => {
  const cleanups: (() => void | Promise<void>)[] = [];
  let mesh: Mesh;
  let folder: string;
  before(async () => {
    mesh = await startMesh({ after: (cleanup) => cleanups.push(cleanup) });
    folder = mkdtempSync(join(tmpdir(), "heddle-documents-"));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  async function run(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [heddle, ...args], {
      cwd: folder,
      env: {
        PATH: process.env["PATH"] ?? "",
        HEDDLE_API_URL: `http://127.0.0.1:${mesh.controlPlane.ready.adminPort}`,
        HEDDLE_API_TOKEN: mesh.apiToken,
      },
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  }

  test("a folder is applied with all below it, as if its files came one after another", async () => {
    mkdirSync(join(folder, "rules", "more"), { recursive: true });
    writeFileSync(join(folder, "rules", "a.yaml"), `${split(10)}---\n${GATEWAY}`);
    writeFileSync(join(folder, "rules", "more", "b.yml"), `${EXTERNAL}---\n${split(30)}`);
    const printed = await run("apply", "-f", "rules");
    assert.match(printed, /warning: Gateway shop\/edge/);
    assert.match(printed, /warning: VirtualService shop\/reviews: is there more than once/);
    assert.match(
      printed,
      /\nVirtualService shop\/reviews created\nServiceEntry shop\/rates created\nrevision 1,/,
    );
    assert.match(await run("get", "vs", "shop/reviews"), /weight: 30/);
  });

  test("every kind is listed, shown, deleted and brought back", async () => {
    assert.match(await run("get", "se"), /shop +rates +1 /);
    assert.match(await run("get", "serviceentries", "shop/rates"), /kind: ServiceEntry/);
    assert.match(await run("delete", "ServiceEntry", "shop/rates"), /rates deleted/);
    await assert.rejects(run("get", "se", "shop/rates"), /there is no ServiceEntry shop\/rates/);
    assert.match(await run("history"), /Deleted ServiceEntry shop\/rates/);
    await run("rollback", "1");
    assert.match(await run("get", "se", "shop/rates"), /rates\.example\.com/);
  });

  for (const corpus of ["istio-samples", "seed-examples"]) {
    const path = join(corpora, corpus);
    const skip = existsSync(path) ? false : `${path} is not there`;
    test(`the folder ${corpus} is applied, with warnings`, { skip }, async () => {
      const printed = await run("apply", "-f", path);
      assert.match(printed, /^warning: /);
      assert.match(printed, /revision \d+, 0 of 0 proxies run it/);
    });
  }
});
