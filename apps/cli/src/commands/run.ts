import { spawn } from "node:child_process";
import { type Command, Option } from "commander";
import { loadApiConfig } from "../config.ts";
import { paths } from "../paths.ts";
import { EventLines, type EventOptions, withEvents } from "../print/event-lines.ts";
import { MEMORY_ENV, proxyArgs } from "../run/proxy-command.ts";
import { ReadyMessage } from "../run/proxy-process.ts";
import { runInMesh } from "../run/run.ts";
import { PROTOCOLS, parseOutbound, parsePort, type RunOptions } from "../run/run-options.ts";
import { wholeNumber } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

const THRESHOLD = wholeNumber(1, 100);

/** `heddle run` and `heddle proxy`: workloads and what carries their traffic. */
export function addRunCommands(program: Command): void {
  const run = program
    .command("run")
    .description("run a command in the mesh: its proxy first, then the command")
    .requiredOption("--service <name>", "the name callers use")
    .option(
      "--port <PORT[:PROTOCOL]>",
      "where the command listens (repeatable); it finds the first in PORT",
      parsePort,
    )
    .option("--version <version>", "its version, such as v2")
    .option("--workload <name>", "default: service-version")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .addOption(
      new Option(
        "--protocol <protocol>",
        "what it speaks; default: found out at each connection",
      ).choices(PROTOCOLS),
    )
    .option(
      "--outbound <HOST:PORT=LOCALPORT>",
      "reach a destination on a local port (repeatable)",
      parseOutbound,
      [],
    )
    .option("--health-http <path>", "the app is well when it answers GET PATH with 200")
    .option("--health-grpc [service]", "the app is well when its grpc.health.v1 says so")
    .option("--health-tcp", "the app is well when it takes connections")
    .option("--health-cmd <command>", "the app is well when this shell command exits with 0")
    .option("--health-interval <duration>", "between two checks; default 5s", parseDurationMs)
    .option("--health-timeout <duration>", "of one check; default 2s", parseDurationMs)
    .option("--healthy-threshold <n>", "so many in a row make it well again; default 2", THRESHOLD)
    .option("--unhealthy-threshold <n>", "so many in a row make it unwell; default 3", THRESHOLD)
    .argument("<command...>", "after --");
  withEvents(run).action(async (command: string[], options: RunOptions & EventOptions) => {
    const events = new EventLines(process.stderr, options); // stdout belongs to the command
    await events.orError(async () => {
      process.exitCode = await runInMesh(options, command, loadApiConfig(process.env), events);
    });
  });
  const proxy = program
    .command("proxy")
    .description("run a proxy from its configuration file (docs/architecture.md)")
    .requiredOption("--config <file>", "JSON or YAML");
  withEvents(proxy).action(async ({ config, ...options }: EventOptions & { config: string }) => {
    const events = new EventLines(process.stdout, options);
    await events.orError(async () => {
      process.exitCode = await runProxy(config, events);
    });
  });
}

/** The proxy is a process of its own; this one passes on signals, the exit code and what it says of its ports. */
function runProxy(config: string, events: EventLines): Promise<number> {
  return new Promise((resolve, reject) => {
    const proxy = spawn(process.execPath, proxyArgs(config), {
      // Where events are objects, stdout holds nothing but these.
      stdio: ["inherit", events.isJson ? process.stderr : "inherit", "inherit", "ipc"],
      env: { NODE_COMPILE_CACHE: paths.compileCache, ...MEMORY_ENV, ...process.env },
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => proxy.kill(signal));
    }
    proxy.on("message", (message) => {
      const ready = ReadyMessage.safeParse(message);
      if (!ready.success) return;
      const { adminPort, workloads } = ready.data;
      events.say({ event: "ready", adminPort, workloads }, "");
    });
    proxy.once("error", reject);
    proxy.once("exit", (code) => {
      events.say({ event: "exit", code: code ?? 1 }, "");
      resolve(code ?? 1);
    });
  });
}
