import { z } from "zod";

type Json = { readonly [name: string]: unknown };
type Direction = "input" | "output";
type Names = z.core.$ZodRegistry<{ id: string }>;

const REF = "#/components/schemas/";

/**
 * JSON Schema of the shapes that have names: each is written once and referred to. What comes in is closed
 * (unknown fields are refused), what goes out is open (answers may gain fields). A shape that comes in is
 * called `…Input` unless it is a `…Request`: the same one may go out, and is another schema there.
 */
export function namedSchemas(schemas: Readonly<Record<string, unknown>>) {
  const names: Names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) {
    if (schema instanceof z.ZodType && !names.has(schema)) names.add(schema, { id });
  }
  const all = { input: toComponents(names, "input"), output: toComponents(names, "output") };
  const used: Record<string, Json> = {};

  const use = (direction: Direction, json: Json): Json => {
    for (const id of refsIn(json)) {
      const name = direction === "input" ? inputName(id) : id;
      const schema = all[direction][id];
      if (schema === undefined || name in used) continue;
      used[name] = {}; // it may refer to itself
      used[name] = use(direction, schema);
    }
    return direction === "input" ? renameRefs(json) : json;
  };
  const refer = (direction: Direction, schema: z.ZodType): Json => {
    const id = names.get(schema)?.id;
    return use(direction, id === undefined ? inline(schema, names, direction) : { $ref: REF + id });
  };
  return {
    /** The schema of something that comes in. */
    input: (schema: z.ZodType): Json => refer("input", schema),
    /** The schema of something that goes out. */
    output: (schema: z.ZodType): Json => refer("output", schema),
    /** What was referred to so far, by name. */
    components: (): Record<string, Json> =>
      Object.fromEntries(Object.entries(used).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function inputName(id: string): string {
  return id.endsWith("Request") ? id : `${id}Input`;
}

function toComponents(names: Names, direction: Direction): Record<string, Json> {
  const { schemas } = z.toJSONSchema(names, { ...settings(direction), uri: (id) => REF + id });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, without(schema, "$schema", "$id")]),
  );
}

/** A shape without a name; those within it that have one are referred to. */
function inline(schema: z.ZodType, names: Names, direction: Direction): Json {
  const made = z.toJSONSchema(schema, { ...settings(direction), metadata: names });
  const json = without(made, "$schema", "$defs");
  return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', `"${REF}`));
}

function without(json: Json, ...names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)));
}

function settings(io: Direction) {
  return {
    io,
    unrepresentable: "any",
    override: ({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }) => {
      if (jsonSchema.type !== "object" || jsonSchema.properties === undefined) return;
      if (io === "output") delete jsonSchema.additionalProperties;
      else jsonSchema.additionalProperties ??= false; // unless the shape passes others over
    },
  } as const;
}

function refsIn(json: Json): string[] {
  const found = JSON.stringify(json).matchAll(/"#\/components\/schemas\/([A-Za-z0-9]+)"/g);
  return [...found].map(([, name = ""]) => name);
}

function renameRefs(json: Json): Json {
  return JSON.parse(
    JSON.stringify(json).replaceAll(
      /"#\/components\/schemas\/([A-Za-z0-9]+)"/g,
      (_, id: string) => `"${REF}${inputName(id)}"`,
    ),
  );
}
