import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Mesh, startMesh } from "@heddle/testkit";

const heddle = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));

const route = (name: string, timeout: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: shop}
spec: {hosts: [${name}], http: [{timeout: ${timeout}, route: [{destination: {host: ${name}}}]}]}
`;

describe("the history beside a git repository", () => {
  const cleanups: (() => void | Promise<void>)[] = [];
  let mesh: Mesh;
  let folder: string;
  let repository: string;
  before(async () => {
    mesh = await startMesh({ after: (cleanup) => cleanups.push(cleanup) });
    folder = mkdtempSync(join(tmpdir(), "heddle-git-"));
    repository = join(folder, "rules");
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  async function run(...args: string[]): Promise<string> {
    return runWith(process.env["PATH"] ?? "", ...args);
  }
  async function runWith(path: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [heddle, ...args], {
      cwd: folder,
      env: {
        PATH: path,
        HOME: folder,
        HEDDLE_API_URL: `http://127.0.0.1:${mesh.controlPlane.ready.adminPort}`,
        HEDDLE_API_TOKEN: mesh.apiToken,
      },
    });
    return stdout;
  }
  async function git(...args: string[]): Promise<string> {
    const who = ["-c", "user.name=Mara", "-c", "user.email=mara@shop.test"];
    const { stdout } = await promisify(execFile)("git", ["-C", repository, ...who, ...args]);
    return stdout.trim();
  }
  async function apply(text: string, ...more: string[]): Promise<void> {
    writeFileSync(join(folder, "rule.yaml"), text);
    await run("apply", "-f", "rule.yaml", ...more);
  }
  const file = (name: string) => join(repository, "shop", "VirtualService", `${name}.yaml`);

  test("each revision becomes a commit with its reason and number, each document a file", async () => {
    await apply(route("reviews", "1s"), "--reason", "too slow before");
    await apply(route("ratings", "2s"));
    const { revisions } = JSON.parse(await run("history", "-o", "json"));
    assert.match(await run("export", "git", "rules"), /revisions committed, up to/);
    const log = await git("log", "--format=%s|%an|%(trailers:key=Heddle-Revision,valueonly)");
    assert.equal(log.split("\n").filter(Boolean).length, revisions.length);
    assert.match(await git("log", "-2", "--format=%B"), /too slow before/);
    assert.match(readFileSync(file("reviews"), "utf8"), /timeout: 1s/);
    assert.match(await run("export", "git", "rules"), /nothing new/);
    assert.match(await run("drift", "rules"), /no drift/);
  });

  test("what is committed by hand drifts, is imported as one revision, and is then the same", async () => {
    writeFileSync(file("reviews"), route("reviews", "5s"));
    await git("commit", "-qam", "Give reviews more time");
    await apply(route("ratings", "9s"));
    const drift = JSON.parse(await run("drift", "rules", "--report", "-o", "json"));
    assert.deepEqual(
      drift.documents.map((one: { name: string; newer: string }) => [one.name, one.newer]),
      [
        ["ratings", "mesh"],
        ["reviews", "git"],
      ],
    );
    assert.match(drift.documents[1].diff, /^@@[^]*-[^]*5s[^]*\+[^]*1s/);
    assert.match(await run("drift"), /the mesh is newer: export it/);
    await assert.rejects(run("drift", "rules", "--exit-code"), /2 documents differ/);
    await assert.rejects(run("import", "git", "rules"), /shop\/ratings changed in the mesh since/);
    await run("export", "git", "rules");
    await run("import", "git", "rules");
    const { revisions } = JSON.parse(await run("history", "--limit", "1", "-o", "json"));
    assert.deepEqual([revisions[0].source, revisions[0].kind], ["git", "import"]);
    assert.match(revisions[0].reason, /^git [0-9a-f]{12} by /);
    assert.match(await run("drift", "rules"), /no drift/);
  });

  test("with --prune what git does not have goes too, and only then", async () => {
    await run("export", "git", "rules");
    await git("rm", "-q", file("ratings"));
    await git("commit", "-qm", "Drop ratings");
    assert.match(await run("import", "git", "rules", "--dry-run"), /nothing would change/);
    assert.match(
      await run("import", "git", "rules", "--prune"),
      /VirtualService shop\/ratings deleted/,
    );
  });

  test("who was overtaken is told by whom, and joins both changes where they do not meet", async () => {
    await apply(route("carts", "1s"));
    const read = await run("get", "vs", "shop/carts", "-o", "yaml");
    assert.match(read, /heddle\.dev\/revision: "\d+"/);
    await apply(route("carts", "4s"), "--reason", "slow tonight");
    const mine = `${read.trimEnd()}\n    retries:\n      attempts: 3\n`;
    await assert.rejects(apply(mine), /by .*slow tonight[^]*apply again with --merge/);
    await apply(mine, "--merge");
    const now = await run("get", "vs", "shop/carts");
    assert.match(now, /timeout: 4s/);
    assert.match(now, /attempts: 3/);
    await assert.rejects(
      apply(read.replace("timeout: 1s", "timeout: 9s"), "--merge"),
      /both changed spec\.http\[0\]\.timeout:\n +before: 1s\n +theirs: 4s\n +yours: 9s/,
    );
  });

  test("the mesh goes back by name and by moment, and one revision alone is taken back", async () => {
    const { revisions } = JSON.parse(await run("history", "--limit", "1", "-o", "json"));
    const [{ revision }] = revisions;
    await run("history", "name", String(revision), "good-one");
    await apply(route("carts", "8s"));
    await apply(route("lists", "1s"));
    assert.match(await run("rollback", "good-one", "--dry-run"), /would undo \d+ by/);
    assert.match(
      await run("rollback", String(revision + 1), "--undo"),
      /VirtualService shop\/carts updated/,
    );
    assert.match(await run("get", "vs", "shop/lists"), /timeout: 1s/);
    assert.match(await run("rollback", "good-one"), /VirtualService shop\/lists deleted/);
    await assert.rejects(run("rollback", "--at", "-300d"), /nothing stood at/);
    await assert.rejects(run("rollback", "--at", "soon"), /expected 14:20/);
  });

  test("nothing is written through a link, into uncommitted work or without git", async () => {
    await run("export", "git", "rules");
    rmSync(join(repository, "shop"), { recursive: true });
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(repository, "shop"));
    await assert.rejects(run("export", "git", "rules"), /not committed/);
    await git("add", "-A");
    await git("commit", "-qm", "A link");
    await apply(route("reviews", "7s"));
    await assert.rejects(run("export", "git", "rules"), /is a link/);
    await assert.rejects(run("import", "git", "nowhere"), /there is no folder/);
    await assert.rejects(runWith("/nonexistent", "drift", "rules"), /git is not on this machine/);
  });
});
