import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { GraphKey, LiveGraph } from "../topology/live-graph.ts";
import { ApiError } from "./problem.ts";

/**
 * Server-sent events, `event: graph`, a snapshot at once and then each second. A client that reads too
 * slowly misses snapshots, never delays others and never piles them up. It ends with its reader's session.
 */
export function streamGraph(
  context: Context,
  graph: LiveGraph,
  key: GraphKey,
  watchSession: (onEnd: () => void) => () => void,
): Response {
  let latest: string | undefined;
  let wake = () => {};
  const unsubscribe = graph.subscribe(key, (json) => {
    latest = json;
    wake();
  });
  if (unsubscribe === undefined) {
    throw new ApiError("HEDDLE_TOO_MANY_STREAMS", "too many open graph streams; try again later");
  }
  context.header("x-accel-buffering", "no");
  return streamSSE(context, async (stream) => {
    stream.onAbort(() => {
      unsubscribe();
      wake();
    });
    const stopWatching = watchSession(() => stream.abort());
    try {
      while (!stream.aborted && !stream.closed) {
        if (latest === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const data = latest;
        latest = undefined;
        await stream.writeSSE({ event: "graph", data }); // waits while the client is behind
      }
    } finally {
      stopWatching();
      unsubscribe();
    }
  });
}
