import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const LOADER = new URL("../stripped-sources.mjs", import.meta.url);
const CACHES = fileURLToPath(new URL("../../../node_modules/.cache/", import.meta.url));

/** A program in TypeScript, Heddle's own as far as the loader can tell, and what the loader keeps of it. */
function programOf(t: TestContext) {
  mkdirSync(CACHES, { recursive: true });
  const folder = mkdtempSync(join(CACHES, "stripped-sources-test-"));
  const file = join(folder, "program.ts");
  const token = randomUUID();
  const cache = join(CACHES, "heddle-stripped");
  const kept = () =>
    readdirSync(cache)
      .filter((name) => name.endsWith(".js"))
      .map((name) => join(cache, name))
      .find((path) => readFileSync(path, "utf8").includes(token));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(kept() ?? folder, { force: true });
  });
  return {
    write: (...lines: string[]) => writeFileSync(file, [...lines, `// ${token}`].join("\n")),
    run: () => {
      const args = ["--import", LOADER.href, "--disable-warning=ExperimentalWarning", file];
      const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env: {} });
      return { stdout, stderr };
    },
    kept: () => kept() ?? assert.fail("the loader has kept nothing"),
  };
}

test("a source is stripped once, and again when it has changed", (t) => {
  const program = programOf(t);
  program.write("const answer: number = 42;", "console.log(answer);");
  assert.deepEqual(program.run(), { stdout: "42\n", stderr: "" });
  const { mtimeNs, ino } = statSync(program.kept(), { bigint: true });
  assert.equal(program.run().stdout, "42\n");
  const again = statSync(program.kept(), { bigint: true });
  assert.deepEqual([again.mtimeNs, again.ino], [mtimeNs, ino]);
  program.write("const answer: string = `forty-two`;", "console.log(answer);");
  assert.equal(program.run().stdout, "forty-two\n");
});

test("a fault is told at its line and column in the TypeScript", (t) => {
  const program = programOf(t);
  program.write(
    "type Nothing = undefined;",
    "",
    "const none = undefined as Nothing;",
    "null_(none);",
  );
  for (const start of ["first", "second"]) {
    assert.match(program.run().stderr, /program\.ts:4:1\)?\n/, start);
  }
});

test("what another process has left half written is made anew", (t) => {
  const program = programOf(t);
  program.write("const answer: number = 42;", "console.log(answer);");
  program.run();
  const whole = readFileSync(program.kept(), "utf8");
  writeFileSync(program.kept(), whole.slice(0, -3));
  assert.deepEqual(program.run(), { stdout: "42\n", stderr: "" });
  assert.equal(readFileSync(program.kept(), "utf8"), whole);
});
