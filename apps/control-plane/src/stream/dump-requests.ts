import { randomUUID } from "node:crypto";
import type { ControlMessage, ProxyMessage } from "@heddle/contracts";

type Dumped = Extract<ProxyMessage, { type: "dumped" }>;

const DEADLINE_MS = 5_000;
/** Questions to one proxy at a time, so that nobody keeps it busy with answering. */
const MAX_AT_ONCE = 4;
/** Of at most a megabyte each. */
const MAX_PAGES = 16;

/** What a proxy says it runs, or why it does not say. */
export type DumpAnswer =
  | {
      readonly kind: "answered";
      readonly dump: Dumped;
      readonly isTruncated: boolean;
    }
  /** `silent`: no answer in time. `gone`: the stream has ended meanwhile. */
  | { readonly kind: "silent" | "gone" | "busy" };

const NOT_CONNECTED = "HEDDLE_PROXY_NOT_CONNECTED";
const WHY = {
  away: {
    code: NOT_CONNECTED,
    words:
      "is not connected to this control plane, so it cannot be asked; /config_dump on its admin port tells the same on its own host",
  },
  old: {
    code: NOT_CONNECTED,
    words:
      "runs a version that cannot be asked yet: update it, or read /config_dump on its admin port on its own host",
  },
  gone: { code: NOT_CONNECTED, words: "has gone while it was asked" },
  busy: { code: "HEDDLE_PROXY_BUSY", words: "is being asked already; try again" },
  silent: { code: "HEDDLE_PROXY_SILENT", words: `has not answered within ${DEADLINE_MS / 1000} s` },
} as const;

/** A proxy cannot say what it runs. */
export class ProxyNotAnsweringError extends Error {
  override readonly name = "ProxyNotAnsweringError";
  readonly code: (typeof WHY)[keyof typeof WHY]["code"];
  constructor(proxyId: string, why: keyof typeof WHY) {
    super(`proxy ${proxyId} ${WHY[why].words}`);
    this.code = WHY[why].code;
  }
}

/** Questions to one proxy about what it really runs, each with a deadline. */
export class DumpRequests {
  readonly #send: (message: ControlMessage) => void;
  readonly #open = new Map<string, (page: Dumped | undefined) => void>();
  #isOver = false;
  #askers = 0;

  constructor(send: (message: ControlMessage) => void) {
    this.#send = send;
  }

  /** Asks page by page. */
  async ask(): Promise<DumpAnswer> {
    if (this.#askers >= MAX_AT_ONCE) return { kind: "busy" };
    this.#askers += 1;
    try {
      return await this.#collect();
    } finally {
      this.#askers -= 1;
    }
  }

  async #collect(): Promise<DumpAnswer> {
    const deadlineAt = performance.now() + DEADLINE_MS;
    let dump: Dumped | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await this.#askPage(dump?.next, deadlineAt - performance.now());
      if (answer === undefined) return { kind: this.#isOver ? "gone" : "silent" };
      const { next, ...rest } = answer;
      dump = dump
        ? { ...dump, resources: [...dump.resources, ...answer.resources], next }
        : { ...rest, next };
      if (next === undefined) return { kind: "answered", dump, isTruncated: false };
    }
    return dump ? { kind: "answered", dump, isTruncated: true } : { kind: "silent" };
  }

  #askPage(after: string | undefined, waitMs: number): Promise<Dumped | undefined> {
    if (this.#isOver || waitMs <= 0) return Promise.resolve(undefined);
    const id = randomUUID();
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(undefined), waitMs);
      const finish = (page: Dumped | undefined) => {
        clearTimeout(timer);
        this.#open.delete(id);
        resolve(page);
      };
      this.#open.set(id, finish);
      this.#send({ type: "dump", id, ...(after === undefined ? {} : { after }) });
    });
  }

  /** What nobody has asked for, or not in time, is passed over. */
  answer(page: Dumped): void {
    this.#open.get(page.id)?.(page);
  }

  end(): void {
    this.#isOver = true;
    for (const finish of [...this.#open.values()]) finish(undefined);
  }
}
