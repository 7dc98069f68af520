import { HeddleError, type Principal } from "@heddle/runtime";
import type { Context } from "hono";
import type { z } from "zod";

/** A request that does not have the expected shape; `faults` names every field. */
export class BadRequestError extends HeddleError {
  override readonly name = "BadRequestError";
  readonly faults: readonly { field: string; message: string }[];
  constructor(faults: readonly { field: string; message: string }[]) {
    const named = faults.map(({ field, message }) => `${field}: ${message}`).join("; ");
    super("HEDDLE_BAD_REQUEST", named);
    this.faults = faults;
  }
}

/** The bearer's role does not reach so far. */
export class ForbiddenError extends HeddleError {
  override readonly name = "ForbiddenError";
  constructor(principal: Principal, needed: Principal["role"]) {
    super(
      "HEDDLE_FORBIDDEN",
      `this needs the role ${needed}; ${principal.name} is ${principal.role}`,
    );
  }
}

const RANK = { viewer: 0, operator: 1, admin: 2 } as const satisfies Record<
  Principal["role"],
  number
>;

/** Throws `ForbiddenError` unless the bearer has at least that role. */
export function requireRole(principal: Principal, needed: Principal["role"]): void {
  if (RANK[principal.role] < RANK[needed]) throw new ForbiddenError(principal, needed);
}

/** The JSON body in the shape of `schema`; an empty body counts as `{}`. Throws `BadRequestError`. */
export async function readBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const text = await context.req.text();
  return parseInput(schema, text === "" ? {} : parseJson(text), "body");
}

/** The query parameters in the shape of `schema`. Throws `BadRequestError`. */
export function readQuery<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): z.infer<Schema> {
  return parseInput(schema, context.req.query(), "query");
}

/** A part of the path in the shape of `schema`. Throws `BadRequestError`. */
export function readParams<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): z.infer<Schema> {
  return parseInput(schema, context.req.param(), "path");
}

function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  where: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new BadRequestError(
    parsed.error.issues.map(({ path, message }) => ({
      field: path.length === 0 ? where : path.join("."),
      message,
    })),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequestError([{ field: "body", message: "is not JSON" }]);
  }
}
