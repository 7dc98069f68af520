import type { ChangeEvent } from "@heddle/contracts";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { problem } from "./problem.ts";

const MAX_LISTENERS = 500;
const MAX_QUEUED = 1000; // a listener that lags further behind is cut off, and asks anew
const KEEP_ALIVE_MS = 15_000;

/** `GET /events`: revisions and registry changes as they happen. */
export function eventRoutes({ feed, access }: ApiParts) {
  return new Hono<ApiEnv>().get("/events", (context) => {
    if (feed.size >= MAX_LISTENERS) {
      const body = problem(503, "HEDDLE_TOO_MANY_LISTENERS", `${MAX_LISTENERS} listen already`);
      return Response.json(body, {
        status: 503,
        headers: { "content-type": "application/problem+json" },
      });
    }
    return streamSSE(context, async (stream) => {
      const queue: ChangeEvent[] = [];
      let wake = () => {};
      const stop = feed.listen((event) => {
        queue.push(event);
        if (queue.length > MAX_QUEUED) stream.abort();
        wake();
      });
      stream.onAbort(() => wake());
      const stopWatching = access.directory.onEnd(context.get("principal"), () => stream.abort());
      try {
        await stream.write(": connected\n\n");
        while (!stream.aborted && !stream.closed) {
          const event = queue.shift();
          if (event) await stream.writeSSE({ event: "change", data: JSON.stringify(event) });
          else if (!(await nextEvent((resolve) => (wake = resolve)))) {
            await stream.write(": still here\n\n");
          }
        }
      } finally {
        stop();
        stopWatching();
      }
    });
  });
}

/** `false`: none came within the keep-alive time. */
async function nextEvent(onWake: (resolve: () => void) => void): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const woken = await Promise.race([
    new Promise<boolean>((resolve) => onWake(() => resolve(true))),
    new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), KEEP_ALIVE_MS);
    }),
  ]);
  clearTimeout(timer);
  return woken;
}
