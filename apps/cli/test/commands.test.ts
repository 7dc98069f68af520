import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { HeddleError } from "@heddle/runtime";
import { EXAMPLES, listCommands } from "../src/examples.ts";
import { buildProgram } from "../src/program.ts";

const NOBODY = "http://127.0.0.1:9"; // discard: nobody listens
const MAIN = join(import.meta.dirname, "../src/main.ts");
// What these print is that of the processes they start.
const PASSES_ON = new Set(["up", "run", "proxy"]);
// They start something, look into the machine rather than the mesh, or ask another than this one.
const ASKS_NO_MESH = new Set([...PASSES_ON, "migrate", "check", "completion", "login", "logout"]);

const commands = listCommands(buildProgram()).filter(({ path }) => path !== "init-shop");

test("every command says what it does, how it is used, and prints JSON if asked to", () => {
  for (const { path, command } of commands) {
    assert.match(command.description(), /\w/, path);
    assert.ok(EXAMPLES[path], `${path} has no example in src/examples.ts`);
    for (const line of EXAMPLES[path] ?? []) assert.match(line, new RegExp(`heddle ${path}\\b`));
    for (const argument of command.registeredArguments) {
      assert.match(argument.description, /\w/, `${path} <${argument.name()}>`);
    }
    const hasOutput = command.options.some(({ long }) => long === "--output");
    assert.ok(hasOutput || PASSES_ON.has(path), `${path} has no -o json`);
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    assert.match(help, /Usage: heddle/);
    assert.match(help, /Examples:/);
  }
});

test("each example is taken, and where no control plane answers a command says so and does not crash", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "heddle-cli-"));
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
    process.exitCode = undefined; // a command may have set it: it is ours here
    rmSync(home, { recursive: true, force: true });
  });
  const elsewhere = { HEDDLE_API_URL: NOBODY, HEDDLE_API_TOKEN: "none", XDG_CONFIG_HOME: home };
  process.env = { ...before, ...elsewhere };
  for (const { path } of commands) {
    if (ASKS_NO_MESH.has(path)) continue;
    for (const line of EXAMPLES[path] ?? []) {
      await assert.rejects(
        buildProgram().parseAsync(wordsOf(line), { from: "user" }),
        (error: unknown) => {
          assert.ok(error instanceof HeddleError, `${line}: ${String(error)}`);
          return true;
        },
        line,
      );
    }
  }
  const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) => {
    const options = { env: process.env, cwd: home };
    execFile(process.execPath, [MAIN, "graph"], options, (error, _out, stderr) =>
      resolve({ code: error?.code ?? 0, err: stderr }),
    );
  });
  assert.equal(code, 1);
  assert.equal(err, `heddle: ${NOBODY}: nobody answers there; is \`heddle up\` running?\n`);
});

/** What a shell makes of the line, up to a pipe or a redirection. */
function wordsOf(line: string): string[] {
  const [own = ""] = line.split(/ [|<>] /, 1);
  const words = [...own.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
  return words.slice(words.indexOf("heddle") + 1);
}
