import { compileTapStatus, isCredentialHeader } from "@heddle/mesh";
import { z } from "zod";
import { NameWire } from "./names.ts";

const Namespace = z.string().min(1).max(63);
const Name = z.string().min(1).max(253);

/** The other end: a service or workload, or a host outside the mesh (its namespace then does not matter). */
const TapPeer = z.object({ namespace: Namespace, name: Name });

const TapStatus = z
  .string()
  .max(16)
  .refine(isStatus, "expected 404, 5xx, 500-503, none (no answer) or failed");
const HeaderName = z
  .string()
  .max(128)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "expected the name of a header")
  .transform((name) => name.toLowerCase())
  .refine((name) => !isCredentialHeader(name), "is a credential: taps neither tell nor test it");

/** Everything that is there must hold; of lists one entry, of `headers` each. */
export const TapFilter = z.object({
  /** `inbound`: only what comes to the targets; `outbound`: only what they send. */
  direction: z.enum(["inbound", "outbound"]).optional(),
  from: TapPeer.optional(),
  to: TapPeer.optional(),
  methods: z.array(z.string().min(1).max(32)).max(16).optional(),
  /** Without `*` a beginning (`/api/`), with it the whole path (`/api/*-list`). */
  path: z.string().min(1).max(1024).optional(),
  /** `404`, `5xx`, `500-503`, `none`, `failed` (also of a gRPC call). */
  statuses: z.array(TapStatus).max(16).optional(),
  /** `value` absent: it is there. `*` in it is any characters. */
  headers: z
    .array(z.object({ name: HeaderName, value: z.string().max(1024).optional() }))
    .max(16)
    .optional(),
});

export type TapFilter = z.infer<typeof TapFilter>;

/** What a proxy is to tell of, and for how long; it ends that by its own clock, whoever is still there. */
export const TapOrder = z.object({
  id: z.string().min(1).max(64),
  /** Of the workloads it hosts. */
  workloads: z.array(NameWire),
  filter: TapFilter,
  /** What is more is counted, not told. */
  maxPerSecond: z.number().int().min(1).max(1000),
  /** From the arrival on: clocks of two hosts may differ. */
  remainingMs: z.number().int().min(0).max(600_000),
});
export type TapOrder = z.infer<typeof TapOrder>;

function isStatus(text: string): boolean {
  try {
    compileTapStatus(text);
    return true;
  } catch {
    return false; // InvalidTapStatusError: the refinement says what is allowed
  }
}
