"use client";

import { MeResponse } from "@heddle/contracts";
import { useEffect, useReducer, useRef } from "react";
import type { z } from "zod";
import { API_ROOT, getJson } from "./api-client.ts";
import { ApiError } from "./api-error.ts";
import { leaveForLogin } from "./leave-for-login.ts";
import {
  initialStreamState,
  nextStreamState,
  reconnectDelayMs,
  type StreamState,
} from "./stream-state.ts";

interface EventStreamOptions<T extends z.ZodType> {
  /** After the API root: `/graph/stream?windowMs=30000`. `undefined` keeps the stream closed. */
  readonly path: string | undefined;
  /** The SSE event name to hear. */
  readonly event: string;
  readonly schema: T;
  readonly onMessage: (message: z.output<T>) => void;
  /** Called each time the stream opens: changes during a gap are not replayed, so fetch what may have moved. */
  readonly onOpen?: () => void;
  /** A stream that should speak this often counts as lost when silent for longer. */
  readonly silenceMs?: number;
}

/**
 * Listens to one server-sent event stream for as long as the component lives. Reconnects by itself with growing
 * waits; when the session has ended it leaves for the login page.
 */
export function useEventStream<T extends z.ZodType>(options: EventStreamOptions<T>): StreamState {
  const [state, dispatch] = useReducer(nextStreamState, initialStreamState);
  const latest = useRef(options);
  latest.current = options;
  const { path, event, silenceMs } = options;

  useEffect(() => {
    if (path === undefined) return undefined;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let silence: ReturnType<typeof setTimeout> | undefined;
    let attempt = 0;
    let stopped = false;

    const lost = (): void => {
      source?.close();
      clearTimeout(silence);
      clearTimeout(timer);
      attempt += 1;
      dispatch({ type: "lost" });
      timer = setTimeout(open, reconnectDelayMs(attempt, Math.random()));
      void leaveIfSessionEnded(() => stopped);
    };
    const heard = (): void => {
      clearTimeout(silence);
      if (silenceMs !== undefined) silence = setTimeout(lost, silenceMs);
    };
    function open(): void {
      dispatch({ type: "retry" });
      source = new EventSource(API_ROOT + path);
      source.onopen = () => {
        attempt = 0;
        dispatch({ type: "opened" });
        latest.current.onOpen?.();
        heard();
      };
      source.onerror = lost;
      source.addEventListener(event, (message: MessageEvent<string>) => {
        heard();
        const parsed = latest.current.schema.safeParse(parseJson(message.data));
        if (!parsed.success) return lost(); // another version of the server: say so by going stale
        dispatch({ type: "message", nowMs: Date.now() });
        latest.current.onMessage(parsed.data);
      });
    }
    const close = (): void => {
      source?.close();
      clearTimeout(timer);
      clearTimeout(silence);
    };
    // A browser allows six connections to one origin over HTTP/1.1: tabs nobody looks at give theirs back.
    const onVisibility = (): void => {
      close();
      if (document.visibilityState === "visible") open();
    };
    document.addEventListener("visibilitychange", onVisibility);
    open();
    return () => {
      stopped = true;
      document.removeEventListener("visibilitychange", onVisibility);
      close();
    };
  }, [path, event, silenceMs]);

  return state;
}

/** `undefined`, which no schema takes, for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** EventSource hides the status of a refused stream; asking who we are tells an ended session from an outage. */
async function leaveIfSessionEnded(isStopped: () => boolean): Promise<void> {
  try {
    await getJson("/me", MeResponse);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401 && !isStopped()) leaveForLogin();
  }
}
