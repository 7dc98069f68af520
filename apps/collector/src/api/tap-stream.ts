import { TapRequest } from "@heddle/contracts";
import { allows, allowsSomewhere } from "@heddle/mesh";
import type { AccessDirectory, Logger } from "@heddle/runtime";
import {
  DatabaseUnavailableError,
  findTapToRead,
  noteTapReading,
  type TelemetryDb,
} from "@heddle/store";
import type { Context } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { type TapBoard, TapReader } from "../taps/tap-board.ts";
import { ApiError } from "./problem.ts";
import type { CollectorEnv } from "./read-principal.ts";

/** How often the control planes are told that somebody reads, and the tap is looked for. */
const NOTE_EVERY_MS = 2_000;
const KEEP_ALIVE_MS = 10_000;
/** What proxies have caught in the last moment is still on its way when the time is over. */
const LAST_WORDS_MS = 1_000;

export type TapStreamParts = {
  readonly db: TelemetryDb;
  readonly board: TapBoard;
  readonly access: AccessDirectory;
  readonly logger: Logger;
};

/** Streams a tap to who may look: operators of all its targets' namespaces. Throws `ApiError`. */
export async function streamTap(
  context: Context<CollectorEnv>,
  tapId: string,
  parts: TapStreamParts,
): Promise<Response> {
  const principal = context.get("principal");
  if (!allowsSomewhere(principal.grants, "operator")) {
    const why = `${principal.name} can see the mesh but not its requests. Ask an admin for operator.`;
    throw new ApiError("HEDDLE_FORBIDDEN", why);
  }
  const tap = await findTapToRead(parts.db, tapId);
  if (!tap) throw new ApiError("HEDDLE_NOT_FOUND", `there is no tap ${tapId}, or it is over`);
  const { targets, maxPerSecond } = TapRequest.parse(tap.request);
  const forbidden = targets.find(
    ({ namespace }) => !allows(principal.grants, "operator", namespace),
  );
  if (forbidden) {
    const why = `${principal.name} is no operator of ${forbidden.namespace}, whose requests this tap shows`;
    throw new ApiError("HEDDLE_FORBIDDEN", why);
  }
  const reader = new TapReader(maxPerSecond, () => performance.now());
  const unsubscribe = parts.board.subscribe(tapId, reader);
  if (unsubscribe === undefined) {
    throw new ApiError("HEDDLE_TOO_MANY_STREAMS", "too many taps are being read; try again later");
  }
  context.header("x-accel-buffering", "no");
  return streamSSE(context, async (stream) => {
    const stopWatching = parts.access.onEnd(principal, () => stream.abort());
    const noting = new Noting(parts, tapId);
    try {
      await follow(stream, reader, noting, performance.now() + tap.remainingMs);
    } finally {
      stopWatching();
      unsubscribe();
      if (!parts.board.isRead(tapId)) noting.leave();
    }
  });
}

/** Until its time is over, somebody ends it, or the reader leaves. */
async function follow(
  stream: SSEStreamingApi,
  reader: TapReader,
  noting: Noting,
  endsAtMs: number,
): Promise<void> {
  let wake = () => {};
  stream.onAbort(() => wake());
  reader.onNews = () => wake();
  let saidAtMs = performance.now();
  while (!stream.aborted && !stream.closed) {
    const batch = reader.take();
    if (batch) {
      await stream.writeSSE({ event: "requests", data: JSON.stringify(batch) }); // waits for a slow reader
      saidAtMs = performance.now();
      continue;
    }
    noting.look();
    const overMs = performance.now() - endsAtMs;
    const reason = overMs < 0 ? "ended" : "time";
    if ((noting.isGone && overMs < 0) || overMs >= LAST_WORDS_MS) {
      await stream.writeSSE({ event: "end", data: JSON.stringify({ reason }) });
      return;
    }
    if (performance.now() - saidAtMs >= KEEP_ALIVE_MS) {
      await stream.write(": still here\n\n");
      saidAtMs = performance.now();
    }
    await newsOrTick((resolve) => {
      wake = resolve;
    });
  }
}

const TICK_MS = 500;

async function newsOrTick(onWake: (resolve: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, TICK_MS);
    onWake(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Tells the control planes by the database that the tap is read, and hears from it when somebody has ended it. */
class Noting {
  isGone = false;
  readonly #parts: TapStreamParts;
  readonly #tapId: string;
  #notedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: TapStreamParts, tapId: string) {
    this.#parts = parts;
    this.#tapId = tapId;
  }

  look(): void {
    if (performance.now() - this.#notedAtMs < NOTE_EVERY_MS) return;
    this.#notedAtMs = performance.now();
    this.#try(async () => {
      const { db } = this.#parts;
      await noteTapReading(db, this.#tapId, false);
      this.isGone = (await findTapToRead(db, this.#tapId)) === undefined;
    });
  }

  leave(): void {
    this.#try(() => noteTapReading(this.#parts.db, this.#tapId, true));
  }

  /** While the database is away a tap goes on until its time is over. */
  #try(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      if (error instanceof DatabaseUnavailableError) return;
      this.#parts.logger.warn({ err: error }, "whether a tap is read could not be noted");
    });
  }
}
