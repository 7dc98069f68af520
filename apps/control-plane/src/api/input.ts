import { allowsSomewhere, type Role, roleOn, WHOLE_MESH } from "@heddle/mesh";
import type { ResourceRef } from "@heddle/resources";
import { HeddleError, may, type Principal } from "@heddle/runtime";
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

/** The bearer's grants do not reach so far; the message says which one is missing. */
export class ForbiddenError extends HeddleError {
  override readonly name = "ForbiddenError";
  constructor(principal: Principal, needed: Role, namespace: string | undefined) {
    super("HEDDLE_FORBIDDEN", whyForbidden(principal, needed, namespace));
  }
}

/**
 * Throws `ForbiddenError` unless the bearer has at least that role on the namespace. Without one, on the
 * whole mesh: whoever forgets to name it refuses too much, never too little.
 */
export function requireRole(
  principal: Principal,
  needed: Role,
  namespace: string = WHOLE_MESH,
): void {
  if (!may(principal, needed, namespace)) throw new ForbiddenError(principal, needed, namespace);
}

/** Throws `ForbiddenError` unless the bearer has at least that role on some namespace: which, is asked later. */
export function requireSomewhere(principal: Principal, needed: Role): void {
  if (allowsSomewhere(principal.grants, needed)) return;
  throw new ForbiddenError(principal, needed, undefined);
}

/**
 * For `ChangeRequest.authorize`: operator on each document's namespace. What lies in the root namespace
 * or is the mesh's configuration holds for all, and needs it on the whole mesh.
 */
export function mayChange(principal: Principal) {
  return (changed: readonly ResourceRef[], rootNamespace: string): void => {
    for (const { kind, namespace } of changed) {
      const isForAll = kind === "MeshConfig" || namespace === rootNamespace;
      requireRole(principal, "operator", isForAll ? WHOLE_MESH : namespace);
    }
  };
}

/** `namespace` undefined: the role on any would do. */
function whyForbidden(
  { name, grants }: Principal,
  needed: Role,
  namespace: string | undefined,
): string {
  if (grants.length === 0) return `${name} has no role yet. Ask an admin for ${needed}.`;
  if (namespace === undefined) {
    return `${name} can see this but not change it. Ask an admin for ${needed}.`;
  }
  const where = namespace === WHOLE_MESH ? "the whole mesh (*)" : namespace;
  const role = roleOn(grants, namespace);
  if (needed === "operator") {
    return `${name} can see ${where} but not change it. Ask an admin for operator on ${where}.`;
  }
  const has = role === undefined ? `has no role on ${where}` : `is ${role} on ${where}`;
  return `This needs ${needed} on ${where}; ${name} ${has}. Ask an admin for it.`;
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
