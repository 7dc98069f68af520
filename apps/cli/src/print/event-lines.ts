import { toHeddleError } from "@heddle/runtime";
import { type Command, Option } from "commander";

export type EventOptions = { readonly output: "text" | "json" };

/** A process that ended, or came back; `failed`: it could not be started again yet. */
export type ProcessChange = {
  readonly event: "process";
  readonly process: string;
  readonly state: "ended" | "back" | "failed";
  /** `ended with SIGKILL; starting it again` */
  readonly words: string;
};

/** Something that happened, by its kind; what else it holds is told in docs/cli.md. */
export type MeshEvent =
  | ProcessChange
  | {
      readonly event: "step" | "ready" | "exit" | "stopping" | "stopped" | "error";
      readonly [about: string]: unknown;
    };

/** For commands that run until somebody ends them: `-o json` has them say what happens one object a line. */
export function withEvents(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "how to say what happens; json: one object a line")
      .choices(["text", "json"])
      .default("text"),
  );
}

/** What such a command says: words for people, or `{ "event": …, "at": … }` a line for a script to wait on. */
export class EventLines {
  readonly out: NodeJS.WriteStream;
  readonly isJson: boolean;

  constructor(out: NodeJS.WriteStream, { output }: EventOptions) {
    this.out = out;
    this.isJson = output === "json";
  }

  say(event: MeshEvent, text: string): void {
    const line = { ...event, at: new Date().toISOString() };
    this.out.write(this.isJson ? `${JSON.stringify(line)}\n` : text);
  }

  /** Does the work; what it throws is said as an event, too, where events are objects. */
  async orError(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.isJson) throw error;
      const { code, message } = toHeddleError(error);
      this.say({ event: "error", code, message }, "");
      process.exitCode ||= 1;
    }
  }
}
