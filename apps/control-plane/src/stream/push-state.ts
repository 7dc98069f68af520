/**
 * One proxy's pushes: at most one is under way, what happens meanwhile is folded into the next, and a
 * refused push is not sent again until something changes.
 *
 *   state      changed          sent       settled    ack              nack
 *   new        → send           in-flight  synced     –                –
 *   synced     → send           in-flight  synced     –                –
 *   in-flight  note the change  –          –          synced, or send  refused, or send
 *   refused    → send           in-flight  synced     –                –
 *
 * `settled`: asked to send, there was no difference. An answer with another nonce is a straggler.
 */
export type PushState =
  | { readonly kind: "new" }
  | { readonly kind: "synced" }
  | { readonly kind: "in-flight"; readonly nonce: string; readonly hasChanged: boolean }
  | { readonly kind: "refused"; readonly reason: string };

export type PushEvent =
  | { readonly kind: "changed" }
  | { readonly kind: "sent"; readonly nonce: string }
  | { readonly kind: "settled" }
  | { readonly kind: "ack"; readonly nonce: string }
  | { readonly kind: "nack"; readonly nonce: string; readonly reason: string };

/** The next state, and whether the difference is to be worked out and sent now. */
export type PushStep = { readonly state: PushState; readonly shallSend: boolean };

export function stepPush(state: PushState, event: PushEvent): PushStep {
  switch (event.kind) {
    case "changed":
      if (state.kind !== "in-flight") return { state, shallSend: true };
      return { state: { ...state, hasChanged: true }, shallSend: false };
    case "sent":
      if (state.kind === "in-flight") return { state, shallSend: false };
      return {
        state: { kind: "in-flight", nonce: event.nonce, hasChanged: false },
        shallSend: false,
      };
    case "settled":
      return { state: state.kind === "in-flight" ? state : { kind: "synced" }, shallSend: false };
    case "ack":
      if (!isAnswer(state, event.nonce)) return { state, shallSend: false };
      return { state: { kind: "synced" }, shallSend: state.hasChanged };
    default: // nack
      if (!isAnswer(state, event.nonce)) return { state, shallSend: false };
      return { state: { kind: "refused", reason: event.reason }, shallSend: state.hasChanged };
  }
}

function isAnswer(
  state: PushState,
  nonce: string,
): state is Extract<PushState, { kind: "in-flight" }> {
  return state.kind === "in-flight" && state.nonce === nonce;
}
