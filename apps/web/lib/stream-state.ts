/**
 * The life of one server-sent event stream as the page sees it.
 *
 * | state        | open → | message → | lost →       | retry →    |
 * | ------------ | ------ | --------- | ------------ | ---------- |
 * | connecting   | live   | live      | reconnecting | connecting |
 * | live         | live   | live      | reconnecting | live       |
 * | reconnecting | live   | live      | reconnecting | connecting |
 *
 * `asOfMs` is when the last message came; it outlives a loss, so that the page can say how old its values are.
 */
export interface StreamState {
  readonly kind: "connecting" | "live" | "reconnecting";
  readonly asOfMs: number | undefined;
  /** Losses since the stream last lived. */
  readonly attempt: number;
}

export type StreamEvent =
  | { readonly type: "opened" }
  | { readonly type: "message"; readonly nowMs: number }
  | { readonly type: "lost" }
  | { readonly type: "retry" };

export const initialStreamState: StreamState = {
  kind: "connecting",
  asOfMs: undefined,
  attempt: 0,
};

export function nextStreamState(state: StreamState, event: StreamEvent): StreamState {
  switch (event.type) {
    case "opened":
      return { kind: "live", asOfMs: state.asOfMs, attempt: 0 };
    case "message":
      return { kind: "live", asOfMs: event.nowMs, attempt: 0 };
    case "lost":
      return { kind: "reconnecting", asOfMs: state.asOfMs, attempt: state.attempt + 1 };
    default:
      return state.kind === "live" ? state : { ...state, kind: "connecting" };
  }
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/** Wait before the nth attempt: doubles from 0.5 s to 10 s, between half and all of it (`draw` of 0–1). */
export function reconnectDelayMs(attempt: number, draw: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, attempt - 1));
  return ceiling * (0.5 + draw / 2);
}
