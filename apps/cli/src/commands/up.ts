import type { Command } from "commander";
import { loadUpConfig } from "../config.ts";
import { InterruptedError, Up } from "../up/up.ts";

const FORCE_AFTER_MS = 500;

/** `heddle up`: runs a whole mesh until a signal ends it. */
export function addUpCommand(program: Command): void {
  program
    .command("up")
    .description("start a whole mesh on this machine: database, control plane, collector, console")
    .option("--no-demo", "without the demo shop: an empty mesh")
    .addOption(program.createOption("--first-step <n>", "number of the first step").hideHelp())
    .action(async (options: { demo: boolean; firstStep?: string }) => {
      const config = loadUpConfig(process.env);
      const firstStep = Number(options.firstStep ?? 1);
      await runUntilSignal(new Up(config, { demo: options.demo, firstStep }));
    });
}

async function runUntilSignal(up: Up): Promise<void> {
  const stopped = new Promise<void>((resolve, reject) => {
    let firstSignalMs: number | undefined;
    const onSignal = () => {
      const nowMs = performance.now();
      if (firstSignalMs === undefined) {
        firstSignalMs = nowMs;
        process.stdout.write("\nstopping…\n");
        up.stop().then(resolve, reject);
      } else if (nowMs - firstSignalMs > FORCE_AFTER_MS) {
        process.exit(130); // asked twice: the children end with us, the database by the next start
      }
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "disconnect"] as const) {
      process.on(signal, onSignal);
    }
  });
  try {
    await up.start();
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    process.exit(130);
  }
  await stopped;
  process.exit(0); // an IPC channel to a starting script would keep us alive
}
