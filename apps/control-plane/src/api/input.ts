import { unknownFields } from "@heddle/contracts";
import { allowsSomewhere, type Role, roleOn, WHOLE_MESH } from "@heddle/mesh";
import type { ResourceRef } from "@heddle/resources";
import { HeddleError, may, type Principal, requireDescribed } from "@heddle/runtime";
import type { Context } from "hono";
import { z } from "zod";

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

/** The body is said to be something else than JSON. */
export class UnsupportedMediaTypeError extends HeddleError {
  override readonly name = "UnsupportedMediaTypeError";
  readonly mediaType: string;
  constructor(mediaType: string) {
    super(
      "HEDDLE_UNSUPPORTED_MEDIA_TYPE",
      `content-type is ${mediaType}; expected application/json`,
    );
    this.mediaType = mediaType;
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
      const role = kind === "Bypass" && isForAll ? "admin" : "operator";
      requireRole(principal, role, isForAll ? WHOLE_MESH : namespace);
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

/**
 * The JSON body in the shape of `schema`, which must be the one its route is described with; an empty body
 * counts as `{}`. Throws `BadRequestError` or `UnsupportedMediaTypeError`.
 */
export async function readBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.infer<Schema>> {
  requireDescribed(context, "body", schema);
  const text = await context.req.text();
  if (text === "") return parseInput(schema, {}, "body");
  const type = context.req.header("content-type") ?? "application/json";
  if (!JSON_TYPE.test(type)) throw new UnsupportedMediaTypeError(type);
  return parseInput(schema, parseJson(text), "body");
}

const JSON_TYPE = /^application\/([a-z.-]+\+)?json\s*(;|$)/i;

/** The query parameters in the shape of `schema`, the route's own. Throws `BadRequestError`. */
export function readQuery<Schema extends z.ZodObject>(
  context: Context,
  schema: Schema,
): z.infer<Schema> {
  requireDescribed(context, "query", schema);
  return parseInput(schema, context.req.query(), "query");
}

/** The parts of the path in the shape of `schema`, the route's own. Throws `BadRequestError`. */
export function readParams<Schema extends z.ZodObject>(
  context: Context,
  schema: Schema,
): z.infer<Schema> {
  requireDescribed(context, "params", schema);
  return parseInput(schema, context.req.param(), "path");
}

function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  where: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(input);
  if (!parsed.success) {
    throw new BadRequestError(
      parsed.error.issues.map(({ path, message }) => ({
        field: path.length === 0 ? where : path.join("."),
        message,
      })),
    );
  }
  const unknown = unknownFields(input, parsed.data);
  if (unknown.length === 0) return parsed.data;
  const allowed = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(", ") : "";
  throw new BadRequestError(
    unknown.slice(0, MAX_FAULTS).map((field) => ({
      field,
      message:
        field.includes(".") || allowed === "" ? "unknown" : `unknown; allowed are ${allowed}`,
    })),
  );
}

const MAX_FAULTS = 20;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequestError([{ field: "body", message: "is not JSON" }]);
  }
}
