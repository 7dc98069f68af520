import type { z } from "zod";
import type { Role } from "../console-api/mesh-state.ts";
import type { ProblemCode } from "./problem-codes.ts";

/** What a good answer is: a JSON body of that shape, server-sent events by name, or text of a media type. */
export type AnswerDescription =
  | { readonly answer: z.ZodType; readonly events?: never; readonly text?: never }
  | {
      readonly events: Readonly<Record<string, z.ZodType>>;
      readonly answer?: never;
      readonly text?: never;
    }
  | { readonly text: string; readonly answer?: never; readonly events?: never };

/**
 * What stands beside a route: the document at `/api/openapi.json` is made of it, and the handler may read its
 * input by no other schema than these.
 */
export type OperationDescription = AnswerDescription & {
  /** One line in the imperative, no full stop: "List the workloads". */
  readonly summary: string;
  /** What the summary leaves open. */
  readonly description?: string;
  /** The least one must be, somewhere; `anyone`: no login, `self`: any login, also one without a role. */
  readonly role: "anyone" | "self" | Role;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Refusals beyond those of every operation (bad input, no login, no role, database away). */
  readonly refusals?: readonly ProblemCode[];
};

/** A route as it is served: `GET`, `/mtls/guards/:id`. */
export type Operation = {
  readonly method: string;
  readonly path: string;
  readonly description: OperationDescription;
};
