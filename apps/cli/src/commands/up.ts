import type { Command } from "commander";
import { loadUpConfig } from "../config.ts";
import { EventLines, type EventOptions, withEvents } from "../print/event-lines.ts";
import { InterruptedError, Up } from "../up/up.ts";
import { wholeNumber } from "./command-kit.ts";

const FORCE_AFTER_MS = 500;
const MAX_CONTROL_PLANES = 5;

type UpCommandOptions = EventOptions & {
  readonly demo: boolean;
  readonly controlPlanes: number;
  readonly firstStep?: string;
};

/** `heddle up`: runs a whole mesh until a signal ends it. */
export function addUpCommand(program: Command): void {
  const command = program
    .command("up")
    .description("start a whole mesh on this machine: database, control plane, collector, console")
    .option("--no-demo", "without the demo shop: an empty mesh")
    .option(
      "--control-planes <n>",
      `so many control planes over the one database, 1 to ${MAX_CONTROL_PLANES}`,
      wholeNumber(1, MAX_CONTROL_PLANES),
      1,
    )
    .addOption(program.createOption("--first-step <n>", "number of the first step").hideHelp());
  withEvents(command).action(async (options: UpCommandOptions) => {
    const events = new EventLines(process.stdout, options);
    await events.orError(async () => {
      const { demo, controlPlanes } = options;
      const firstStep = Number(options.firstStep ?? 1);
      const up = new Up(loadUpConfig(process.env), { demo, controlPlanes, firstStep }, events);
      await runUntilSignal(up, events);
    });
  });
}

async function runUntilSignal(up: Up, events: EventLines): Promise<void> {
  const stopped = new Promise<void>((resolve, reject) => {
    let firstSignalMs: number | undefined;
    const onSignal = () => {
      const nowMs = performance.now();
      if (firstSignalMs === undefined) {
        firstSignalMs = nowMs;
        events.say({ event: "stopping" }, "\nstopping…\n");
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
    events.say({ event: "stopped" }, "");
    process.exit(130);
  }
  await stopped;
  events.say({ event: "stopped" }, "");
  process.exit(0); // an IPC channel to a starting script would keep us alive
}
