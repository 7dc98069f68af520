"use client";
import { TapBatch, TapEnd, TapEndResponse, type TapRequest, TapResponse } from "@heddle/contracts";
import { useCallback, useEffect, useRef, useState } from "react";
import { API_ROOT, apiPath, deleteJson, postJson } from "../../lib/api-client.ts";
import { addBatch, EMPTY_LIST, type TapList } from "./tap-list.ts";

const FOR_MS = 300_000;

export type TapState =
  | { readonly kind: "off" }
  | { readonly kind: "starting" }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "live"; readonly untilMs: number; readonly isInterrupted: boolean }
  | { readonly kind: "over"; readonly why: string };

type Running = { readonly id: string; readonly source: EventSource };

/** One tap for as long as the component lives: leaving ends it, here and in the mesh. */
export function useTap() {
  const [state, setState] = useState<TapState>({ kind: "off" });
  const [list, setList] = useState<TapList>(EMPTY_LIST);
  const running = useRef<Running | undefined>(undefined);
  const begun = useRef(0);

  const stop = useCallback(() => {
    begun.current += 1; // what was asked for and has not answered yet is not wanted any more
    const was = running.current;
    running.current = undefined;
    if (was === undefined) return;
    was.source.close();
    // Where this is lost the mesh ends it some seconds later, as nobody reads it.
    deleteJson(apiPath(["taps", was.id]), TapEndResponse).catch(() => undefined);
  }, []);
  useEffect(() => stop, [stop]);

  const start = useCallback(
    async (wish: Pick<TapRequest, "targets" | "filter">) => {
      stop();
      const turn = begun.current;
      setState({ kind: "starting" });
      setList(EMPTY_LIST);
      try {
        const { tap } = await postJson("/taps", { ...wish, forMs: FOR_MS }, TapResponse);
        if (turn !== begun.current) {
          deleteJson(apiPath(["taps", tap.id]), TapEndResponse).catch(() => undefined);
          return;
        }
        const source = new EventSource(API_ROOT + apiPath(["tapped", tap.id]));
        running.current = { id: tap.id, source };
        const live = (isInterrupted: boolean) =>
          setState({ kind: "live", untilMs: tap.untilMs, isInterrupted });
        live(false);
        source.onopen = () => live(false);
        source.onerror = () => {
          if (source.readyState !== EventSource.CLOSED) return live(true); // the browser tries again
          setState({ kind: "over", why: "The collector does not stream it any more." });
        };
        source.addEventListener("requests", ({ data }: MessageEvent<string>) => {
          const batch = TapBatch.parse(JSON.parse(data));
          setList((before) => addBatch(before, batch));
        });
        source.addEventListener("end", ({ data }: MessageEvent<string>) => {
          source.close();
          const { reason } = TapEnd.parse(JSON.parse(data));
          const why = reason === "time" ? "It ended after 5 minutes." : "Somebody ended it.";
          setState({ kind: "over", why });
        });
      } catch (error) {
        if (turn !== begun.current) return;
        setState({ kind: "failed", why: error instanceof Error ? error.message : String(error) });
      }
    },
    [stop],
  );
  const end = useCallback(() => {
    stop();
    setState({ kind: "over", why: "You ended it." });
  }, [stop]);
  return { state, list, start, end };
}
