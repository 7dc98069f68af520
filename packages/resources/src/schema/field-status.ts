import { z } from "zod";

/**
 * What Heddle does with a field: serves it as Istio does, serves it otherwise on purpose (`differs`),
 * takes it without doing anything, with a warning, or refuses the document.
 */
export type FieldStatus = "supported" | "differs" | "accepted-without-effect" | "refused";

export type FieldMark = { readonly status: FieldStatus; readonly note: string };

/** A warning about a value: a sentence about the value itself, or about a place below it. */
export type Warnings =
  | string
  | undefined
  | readonly { readonly at: readonly PropertyKey[]; readonly message: string }[];
type Check = (value: unknown) => Warnings;

// Marks lie beside the schemas: zod's own metadata would be lost as soon as a schema is refined.
const marks = new WeakMap<z.core.$ZodType, FieldMark>();
const checks = new WeakMap<z.core.$ZodType, Check>();

export function markOf(schema: z.core.$ZodType): FieldMark | undefined {
  return marks.get(schema);
}

export function checkOf(schema: z.core.$ZodType): Check | undefined {
  return checks.get(schema);
}

/** An object of exactly these fields; others are refused with the list of those allowed. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const allowed = Object.entries(shape)
    .filter(([, schema]) => marks.get(schema)?.status !== "refused")
    .map(([name]) => name)
    .join(", ");
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? `unknown field; allowed here: ${allowed}` : undefined,
  });
}

/** A field of Istio's that would change traffic and that Heddle does not serve: refused, never ignored. */
export function unserved(reason: string) {
  const error = `Heddle does not serve this field: ${reason}`;
  const schema = z.never({ error }).optional();
  marks.set(schema, { status: "refused", note: reason });
  return schema;
}

/** A field that is taken and does nothing; whoever writes it is told why. Put it last around a schema. */
export function withoutEffect<Schema extends z.ZodType>(reason: string, schema: Schema): Schema {
  const marked = freshLayer(schema);
  marks.set(marked, { status: "accepted-without-effect", note: reason });
  return marked;
}

/** The same for a field whose value nobody looks at. */
export function ignored(reason: string) {
  return withoutEffect(reason, z.unknown().optional());
}

/** A field that does something other than in Istio, on purpose. Put it last around a schema. */
export function differing<Schema extends z.ZodType>(note: string, schema: Schema): Schema {
  const marked = freshLayer(schema);
  marks.set(marked, { status: "differs", note });
  return marked;
}

/**
 * Warns of values that are taken and may surprise. The check sees the value as it was written, once the
 * whole document has been found good. Put it last around a schema.
 */
export function warnIf<Schema extends z.ZodType>(
  schema: Schema,
  check: (value: z.input<Schema>) => Warnings,
): Schema {
  const marked = freshLayer(schema);
  checks.set(marked, (value) => check(value as z.input<Schema>)); // the schema has taken this very value
  return marked;
}

/** A copy that carries the same mark and check: the original may stand in other places. */
function freshLayer<Schema extends z.ZodType>(schema: Schema): Schema {
  const copy = schema.clone();
  const [mark, check] = [marks.get(schema), checks.get(schema)];
  if (mark) marks.set(copy, mark);
  if (check) checks.set(copy, check);
  return copy;
}
