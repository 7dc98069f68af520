import { ChangeEvent, toProblem } from "@heddle/contracts";
import { streamSSE } from "hono/streaming";
import { ApiRoutes } from "./api-routes.ts";
import type { ApiParts } from "./parts.ts";
import { problemResponse } from "./problem.ts";

const MAX_LISTENERS = 500;
const MAX_QUEUED = 1000; // a listener that lags further behind is cut off, and asks anew
const KEEP_ALIVE_MS = 15_000;

/** `GET /events`: revisions and registry changes as they happen. */
export function eventRoutes({ feed, access }: ApiParts) {
  return new ApiRoutes().get(
    "/events",
    {
      summary: "Listen to changes as they happen",
      role: "viewer",
      events: { change: ChangeEvent },
      refusals: ["HEDDLE_TOO_MANY_LISTENERS"],
    },
    (context) => {
      if (feed.size >= MAX_LISTENERS) {
        return problemResponse(
          toProblem("HEDDLE_TOO_MANY_LISTENERS", `${MAX_LISTENERS} listen already`),
        );
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
    },
  );
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
