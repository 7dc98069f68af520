import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Scope } from "@heddle/testkit";
import type { Answer, Order, SimulatedProxy } from "./fleet-messages.ts";

const PROGRAM = fileURLToPath(new URL("programs/simulated-proxies.ts", import.meta.url));
const DEADLINE_MS = 180_000;

type AnswerOf<Type extends Answer["type"]> = Extract<Answer, { type: Type }>;

/** Simulated proxies, spread over a few processes. */
export class Fleet {
  readonly #processes: readonly ChildProcess[];

  private constructor(processes: readonly ChildProcess[]) {
    this.#processes = processes;
  }

  /** Starts the processes and lets every proxy join; `proxies` are dealt out to them in turn. */
  static async start(
    scope: Scope,
    count: number,
    proxies: readonly SimulatedProxy[],
    how: { readonly port: number; readonly token: string; readonly rootPem: string },
  ): Promise<Fleet> {
    const processes = Array.from({ length: count }, () => fork(PROGRAM, { stdio: "inherit" }));
    scope.after(() => {
      for (const child of processes) child.kill("SIGKILL");
    });
    const fleet = new Fleet(processes);
    await Promise.all(
      processes.map((child, index) => {
        const mine = proxies.filter((_, at) => at % count === index);
        const localAddress = `127.0.0.${index + 2}`;
        return ask(child, { type: "join", ...how, localAddress, proxies: mine }, "joined");
      }),
    );
    return fleet;
  }

  /** Opens all streams at once; resolves when every proxy has all it asked for. */
  async open(): Promise<{ firstAckAtMs: number; settledAtMs: number }> {
    const all = await this.#askAll({ type: "open" }, "settled");
    return {
      firstAckAtMs: Math.max(...all.map((one) => one.firstAckAtMs)),
      settledAtMs: Math.max(...all.map((one) => one.settledAtMs)),
    };
  }

  /** To the process that has it; the others know no such proxy. */
  tellOne(type: "appear" | "leave", name: string): void {
    for (const child of this.#processes) child.send({ type, name } satisfies Order);
  }

  async mark(): Promise<void> {
    await this.#askAll({ type: "mark" }, "marked");
  }

  /** When a resource came to whom, since the mark, and how many pushes there were in all. */
  async report(key: string): Promise<{ atMs: number[]; lastPushAtMs: number; pushes: number }> {
    const all = await this.#askAll({ type: "report", key }, "report");
    return {
      atMs: all.flatMap((one) => one.atMs),
      lastPushAtMs: Math.max(...all.map((one) => one.lastPushAtMs)),
      pushes: all.reduce((sum, one) => sum + one.pushes, 0),
    };
  }

  #askAll<Type extends Answer["type"]>(order: Order, type: Type): Promise<AnswerOf<Type>[]> {
    return Promise.all(this.#processes.map((child) => ask(child, order, type)));
  }
}

function ask<Type extends Answer["type"]>(
  child: ChildProcess,
  order: Order,
  type: Type,
): Promise<AnswerOf<Type>> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer);
      child.off("message", onMessage);
    };
    const onMessage = (message: unknown) => {
      const answer = message as Answer;
      if (answer.type === "failed") {
        finish();
        reject(new Error(`simulated proxies: ${answer.reason}`));
      } else if (answer.type === type) {
        finish();
        resolve(answer as AnswerOf<Type>);
      }
    };
    const timer = setTimeout(() => {
      finish();
      reject(new Error(`simulated proxies: no ${type} within ${DEADLINE_MS / 1000} s`));
    }, DEADLINE_MS);
    child.on("message", onMessage);
    child.send(order);
  });
}
