// Writes docs/cli.md from the program, docs/api.md from the servers' own descriptions and docs/errors.md from the
// list of codes, so that no page says what is not there. `node tools/reference-pages.ts`; `--check` only compares.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type OpenApiDocument, PROBLEM_CODES } from "@heddle/contracts";
import { EXAMPLES, listCommands } from "../apps/cli/src/examples.ts";
import { buildProgram } from "../apps/cli/src/program.ts";
import { createCollectorApi } from "../apps/collector/src/api/collector-api.ts";
import { createApi } from "../apps/control-plane/src/api/api.ts";
import { STREAM_REFUSALS } from "../apps/control-plane/src/stream/stream-refusals.ts";
import { RESPONSE_FLAGS } from "./response-flags.ts";

const DOCS = join(import.meta.dirname, "../docs");
const MADE = "<!-- Made by `node tools/reference-pages.ts`; edit what it is made of. -->";

/** Names of the pages that are not what they would be if they were written now. */
export async function findStalePages(): Promise<string[]> {
  const pages = await makePages();
  return Object.entries(pages).flatMap(([name, text]) => (readPage(name) === text ? [] : [name]));
}

async function makePages(): Promise<Record<string, string>> {
  return { "cli.md": cliPage(), "api.md": await apiPage(), "errors.md": errorsPage() };
}

function readPage(name: string): string | undefined {
  try {
    return readFileSync(join(DOCS, name), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function cliPage(): string {
  const program = buildProgram();
  const commands = listCommands(program).filter(({ path }) => path !== "init-shop");
  const sections = commands.map(({ path, command }) => {
    const args = command.registeredArguments.map(
      (one) =>
        `| \`${one.required ? `<${one.name()}>` : `[${one.name()}]`}\` | ${cell(one.description)} |`,
    );
    const options = command.options
      .filter(({ hidden }) => !hidden)
      .map(({ flags, description, argChoices, defaultValue, defaultValueDescription }) => {
        const choices = argChoices === undefined ? [] : [argChoices.join(", ")];
        const isPlain = typeof defaultValue === "string" || typeof defaultValue === "number";
        const standard = defaultValueDescription ?? (isPlain ? String(defaultValue) : undefined);
        const notes = [...choices, ...(standard === undefined ? [] : [`default ${standard}`])];
        const about = notes.length === 0 ? description : `${description} (${notes.join("; ")})`;
        return `| \`${flags.replaceAll("|", "\\|")}\` | ${cell(about)} |`;
      });
    const rows = [...args, ...options];
    return [
      `## heddle ${path}`,
      "",
      sentence(command.description()),
      ...(rows.length === 0 ? [] : ["", "| | |", "|---|---|", ...rows]),
      "",
      "```sh",
      ...(EXAMPLES[path] ?? [`heddle ${path}`]),
      "```",
    ].join("\n");
  });
  return `${[
    "# The command line",
    MADE,
    `\`npx heddle <command>\`. Every command takes \`--help\`; those that answer take \`-o json\`, which prints the API's answer as \`packages/contracts\` has it.
With \`-o json\` those that run until they are ended say what happens one object a line, each with \`event\` and \`at\`: \`up\` and \`proxy\` on
stdout, \`run\` on stderr, since stdout is the app's. \`step\` (of \`up\`), \`ready\` (URLs, login link, control planes, processes; of a proxy its ports),
\`process\` (\`process\` \`ended\`, is \`back\`, or \`failed\` to come back: \`state\`, \`words\`), \`stopping\`, \`stopped\`, \`exit\` (\`code\`), \`error\` (\`code\`, \`message\`).
The exit code is 0 only on success; what went wrong is one line on stderr (\`HEDDLE_LOG_LEVEL=debug\` adds where).

**Which mesh.** \`HEDDLE_API_URL\` with \`HEDDLE_API_TOKEN\`; else that of \`HEDDLE_HOME\` or of the nearest \`.heddle\` from the working folder
upwards, as \`heddle up\` has written it; else the console that \`heddle login --server\` let this command line into. Its token is kept in
\`~/.config/heddle/logins.json\` (\`XDG_CONFIG_HOME\`), readable by its owner alone, and can be revoked under Settings or by \`heddle logout\`.`,
    ...sections,
  ].join("\n\n")}\n`;
}

/** The routes are all known before a server has anything to serve from. */
export async function readDocuments(): Promise<{ name: string; document: OpenApiDocument }[]> {
  const servers = [
    { name: "control plane", app: createApi(nothing()) },
    { name: "collector", app: createCollectorApi(nothing()) },
  ];
  return Promise.all(
    servers.map(async ({ name, app }) => {
      const answer = await app.request("/api/openapi.json");
      return { name, document: (await answer.json()) as OpenApiDocument };
    }),
  );
}

async function apiPage(): Promise<string> {
  const rows: { path: string; line: string }[] = [];
  for (const { name, document } of await readDocuments()) {
    const { paths } = document;
    for (const [path, operations] of Object.entries(paths)) {
      if (!path.startsWith("/api/v1/")) continue;
      for (const [method, operation] of Object.entries(operations)) {
        const { summary, "x-heddle-role": role, parameters } = operation;
        const query = (parameters as { name: string; in: string }[])
          .filter((one) => one.in === "query")
          .map((one) => `\`${one.name}\``);
        const line = `| \`${method.toUpperCase()} ${path.slice("/api/v1".length)}\` | ${cell(sentence(String(summary)))} | ${query.join(", ")} | ${String(role)} | ${name} |`;
        rows.push({ path: `${path} ${method}`, line });
      }
    }
  }
  rows.sort((a, b) => (a.path < b.path ? -1 : 1));
  return `${[
    "# The API",
    MADE,
    `At the console's address under \`/api/v1\`, with \`Authorization: Bearer\` and an API token (\`heddle api-token create\`), or with the session's
cookie. \`/api/openapi.json\` (OpenAPI 3.1, with an \`ETag\`) has every shape; each server serves its own part at its own address. Unknown
fields and query parameters are refused. Answers may gain fields. Times are milliseconds since 1970. Every error is a problem
(RFC 9457) with one of [these codes](errors.md). The role is the least one needs; where it has to be held is [said here](access.md).
\`GET\`s that answer \`text/event-stream\` go on until one of the two leaves.`,
    [
      "| | | query | role | answered by |",
      "|---|---|---|---|---|",
      ...rows.map(({ line }) => line),
    ].join("\n"),
  ].join("\n\n")}\n`;
}

function errorsPage(): string {
  const sections = Object.entries(PROBLEM_CODES).map(
    ([code, { status, title, meaning, remedy }]) => {
      const name = code.replace("HEDDLE_", "").toLowerCase().replaceAll("_", "-");
      return `## ${name}\n\n\`${code}\`, ${status}: ${title}. ${meaning}\n\n**What to do.** ${remedy}`;
    },
  );
  const refusals = Object.entries(STREAM_REFUSALS).map(
    ([code, { meaning, remedy }]) => `| \`${code}\` | ${meaning} | ${remedy} |`,
  );
  const flags = Object.entries(RESPONSE_FLAGS).map(
    ([flag, { status, meaning, remedy }]) =>
      `| \`${flag}\` | ${status ?? ""} | ${meaning} | ${remedy} |`,
  );
  return `${[
    "# Errors of the API",
    MADE,
    `Every refusal and failure is a problem as in RFC 9457: \`type\` (\`urn:heddle:error:\` and the heading of a section below), \`title\`, \`status\`, \`detail\` (a
sentence for people), \`code\`, and for bad input \`errors\`: each field with what is wrong and what is allowed. Codes stay; sentences may be said better.`,
    ...sections,
    "# Refusals of proxies",
    `Of the control plane's port for proxies (15012): in the problem that answers a join or the opening of a stream, or in the message \`refused\` before the
stream closes with 1008. The proxy's log has them; a proxy that runs goes on with what it has, and comes back.`,
    ["| code | meaning | what to do |", "|---|---|---|", ...refusals].join("\n"),
    "# Answers of proxies",
    `An answer a proxy makes itself carries \`x-heddle-flags\` (Envoy's response flags, several joined by commas), \`x-heddle-origin\` (which proxy, or the app) and a plain
text that says which service, rule and endpoints, and why. The same flags are in metrics, traces, access log and taps. Refusals by an AuthorizationPolicy (403) or for a token
(401) carry no flag, as with Envoy: their bodies begin with \`RBAC: access denied\` or \`Jwt\`.`,
    ["| flag | status | meaning | what to do |", "|---|---|---|---|", ...flags].join("\n"),
  ].join("\n\n")}\n`;
}

/** Stands for whatever routes are served from, while nobody asks them. */
function nothing(): never {
  const stand: object = new Proxy(() => stand, { get: () => stand, apply: () => stand });
  return stand as never;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes("--check")) {
    const stale = await findStalePages();
    if (stale.length > 0) process.stderr.write(`not up to date: ${stale.join(", ")}\n`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const [name, text] of Object.entries(await makePages())) {
      writeFileSync(join(DOCS, name), text);
    }
  }
}
