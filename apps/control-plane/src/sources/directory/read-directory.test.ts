import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { emptyContent, type SourceContent } from "../source-content.ts";
import { parseFile, WatchedDirectory } from "./read-directory.ts";

const entry = (name: string, address = "10.0.0.1") =>
  `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: { name: ${name}, namespace: shop }\nspec: { address: ${address}, ports: { tcp: 5432 }, labels: { app: db } }\n`;

async function open(t: TestContext) {
  const path = await mkdtemp(join(tmpdir(), "heddle-read-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  const directory = new WatchedDirectory(path);
  let content: SourceContent = emptyContent(0);
  /** Looks once; what it says counts from then on. Returns the names. */
  const look = async () => {
    const { reading, isSettled } = await directory.read(content);
    if (reading.documents) content = { ...content, documents: [...reading.documents] };
    const names = reading.documents?.map(({ name }) => name);
    return { names, isSettled, faults: reading.faults };
  };
  return { path, look };
}

test("a change counts when two looks in a row have found it the same", async (t) => {
  const { path, look } = await open(t);
  const file = join(path, "db.yaml");
  await writeFile(file, entry("db-1"));
  assert.deepEqual(await look(), { names: [], isSettled: false, faults: [] });
  assert.deepEqual(await look(), { names: ["db-1"], isSettled: true, faults: [] });

  // half written, as a copy over a slow line finds it
  const whole = `${entry("db-1")}---\n${entry("db-2")}`;
  await writeFile(file, whole);
  await truncate(file, entry("db-1").length);
  assert.deepEqual((await look()).names, ["db-1"]);
  await writeFile(file, whole);
  assert.equal((await look()).isSettled, false, "it is another again");
  assert.deepEqual((await look()).names, ["db-1", "db-2"]);

  // gone for the moment in which an editor renames another file to its name
  await unlink(file);
  assert.deepEqual((await look()).names, ["db-1", "db-2"]);
  await writeFile(join(path, ".swap"), entry("db-3"));
  await rename(join(path, ".swap"), file);
  await look();
  assert.deepEqual((await look()).names, ["db-3"]);
  await unlink(file);
  await look();
  assert.deepEqual((await look()).names, []);
});

test("a directory that is gone says so at the second look, and what it said goes on at the first", async (t) => {
  const { path, look } = await open(t);
  await writeFile(join(path, "db.yaml"), entry("db-1"));
  await look();
  await look();
  await rename(path, `${path}.away`);
  assert.deepEqual((await look()).names, ["db-1"]);
  const gone = await look();
  assert.equal(gone.names, undefined);
  assert.match(gone.faults[0]?.message ?? "", /cannot be read: it is not there \(ENOENT\)/);
  await rename(`${path}.away`, path);
  assert.deepEqual((await look()).names, ["db-1"]);
});

test("files that are no documents' are left alone; links and folders do not lead elsewhere", async (t) => {
  const { path, look } = await open(t);
  await writeFile(join(path, "README.md"), "not for Heddle");
  await writeFile(join(path, ".hidden.yaml"), entry("db-9"));
  await mkdir(join(path, "folder.yaml"));
  await writeFile(join(path, "real.data"), entry("db-1"));
  await symlink(join(path, "real.data"), join(path, "inside.yaml"));
  await symlink("/etc/passwd", join(path, "outside.yaml"));
  await look();
  const { names, faults } = await look();
  assert.deepEqual(names, ["db-1"]);
  assert.deepEqual(
    faults.map(({ file, message }) => [file, message]),
    [
      ["folder.yaml", "is no file"],
      ["outside.yaml", "is a link to a place outside the directory, which is not read"],
    ],
  );
});

test("of two files that name one document the first by name holds, and the other is told", async (t) => {
  const { path, look } = await open(t);
  await writeFile(join(path, "b.yaml"), entry("db-1", "10.0.0.2"));
  await writeFile(join(path, "a.yaml"), entry("db-1", "10.0.0.1"));
  await look();
  const { faults } = await look();
  assert.deepEqual(faults, [
    {
      ...{ file: "b.yaml", line: 1 },
      message:
        "WorkloadEntry shop/db-1 stands in a.yaml already, which holds; take one of them away",
    },
  ]);
});

const faulty: Record<string, { text: string; line: number; message: RegExp }> = {
  "YAML that is none": {
    text: `${entry("db-1")}---\na: [`,
    line: 6,
    message: /flow/i,
  },
  "a field that cannot be": {
    text: entry("db-1").replace("5432", "0"),
    line: 4,
    message: /WorkloadEntry shop\/db-1.*spec\.ports\.tcp.*port must be between 1-65535/,
  },
  "a kind that is not read from files": {
    text: `${entry("db-1")}---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n`,
    line: 6,
    message: /document 2 is none of WorkloadEntry, ServiceEntry, Service/,
  },
};
for (const [what, { text, line, message }] of Object.entries(faulty)) {
  test(`${what} makes the whole file a fault with its line`, () => {
    const { documents, faults } = parseFile("db.yaml", text);
    assert.deepEqual([documents, faults.length, faults[0]?.line], [[], 1, line]);
    assert.match(faults[0]?.message ?? "", message);
  });
}
