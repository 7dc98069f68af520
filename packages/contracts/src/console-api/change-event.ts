import { z } from "zod";
import { RevisionSummary } from "./mesh-state.ts";

/** Server-sent events of the control plane (`GET /events`): `event: change`, data below. */
export const ChangeEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("revision"), revision: RevisionSummary }),
  z.object({ type: z.literal("registry") }), // workloads or proxies came, went or changed state
  z.object({ type: z.literal("identity") }), // authorities, certificates, tokens or a rotation's progress; at most once a second
  z.object({ type: z.literal("observations") }), // what proxies see of endpoints; at most once a second
  z.object({ type: z.literal("holds") }), // something is held in the registry and asks, or no longer
  z.object({ type: z.literal("effects") }), // revisions were judged, pinned, named or commented on
  z.object({ type: z.literal("guards") }), // a guarded flip began, counted refusals or ended
  z.object({ type: z.literal("presence"), subject: z.string() }), // somebody opened or left it
  z.object({ type: z.literal("reviews") }), // somebody asked for a review, said something to one, or ended it
  z.object({ type: z.literal("pushes") }), // a canaried push began, went on or ended
]);

export type ChangeEvent = z.infer<typeof ChangeEvent>;
