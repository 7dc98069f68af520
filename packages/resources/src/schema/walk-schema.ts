import type { z } from "zod";
import { checkOf, type FieldMark, type FieldStatus, markOf } from "./field-status.ts";

type Schema = z.core.$ZodType;
/** One step down from a schema: into a named field, any field of a map, or an item of a list. */
type Child = { readonly step: string; readonly schema: Schema };

/** A field that a kind has: `spec.http[].match[].uri.exact`; `*` stands for a key of a map. */
export type SchemaField = { readonly path: string; readonly mark: FieldMark | undefined };

/** All fields of a schema, those below one that is refused or has no effect left out. */
export function listFields(schema: Schema, path = ""): SchemaField[] {
  return childrenOf(schema).flatMap(({ step, schema: child }): SchemaField[] => {
    if (step === "[]" || step === "*") return listFields(child, join(path, step));
    const at = join(path, step);
    const mark = findMark(child);
    const isLeaf = mark !== undefined && isIdle(mark.status);
    return [{ path: at, mark }, ...(isLeaf ? [] : listFields(child, at))];
  });
}

/** Where a value that the schema has taken says something that does nothing, or may surprise. */
export function collectWarnings(
  schema: Schema,
  value: unknown,
  path: readonly PropertyKey[] = [],
): { readonly path: readonly PropertyKey[]; readonly message: string }[] {
  if (value === undefined) return [];
  const found: { path: readonly PropertyKey[]; message: string }[] = [];
  let isWithoutEffect = false;
  for (const layer of layersOf(schema)) {
    const mark = markOf(layer);
    if (mark?.status === "accepted-without-effect") {
      isWithoutEffect = true;
      found.push({ path, message: `has no effect: ${mark.note}` });
    }
    const warnings = checkOf(layer)?.(value);
    if (typeof warnings === "string") found.push({ path, message: warnings });
    else
      for (const { at, message } of warnings ?? []) found.push({ path: [...path, ...at], message });
  }
  if (isWithoutEffect || typeof value !== "object" || value === null) return found;
  for (const { step, schema: child } of childrenOf(schema)) {
    if (step === "[]" && Array.isArray(value)) {
      value.forEach((item, index) => {
        found.push(...collectWarnings(child, item, [...path, index]));
      });
    } else if (step === "*") {
      for (const [key, item] of Object.entries(value)) {
        found.push(...collectWarnings(child, item, [...path, key]));
      }
    } else if (Object.hasOwn(value, step)) {
      const item = (value as Record<string, unknown>)[step];
      found.push(...collectWarnings(child, item, [...path, step]));
    }
  }
  return found;
}

function findMark(schema: Schema): FieldMark | undefined {
  for (const layer of layersOf(schema)) {
    const mark = markOf(layer);
    if (mark) return mark;
  }
  return undefined;
}

function isIdle(status: FieldStatus): boolean {
  return status === "refused" || status === "accepted-without-effect";
}

/** A schema and what it wraps, down to the one that says which kind of value it is. */
function layersOf(schema: Schema): Schema[] {
  const layers = [schema];
  for (let at = innerOf(schema); at !== undefined; at = innerOf(at)) layers.push(at);
  return layers;
}

function innerOf(schema: Schema): Schema | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "readonly":
      return def.innerType;
    case "pipe":
      return def.in._zod.def.type === "transform" ? def.out : def.in;
    case "lazy":
      return def.getter();
    default:
      return undefined;
  }
}

function childrenOf(schema: Schema): Child[] {
  const core = layersOf(schema).at(-1) ?? schema;
  const { def } = (core as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object":
      return Object.entries(def.shape).map(([step, child]) => ({ step, schema: child }));
    case "array":
      return [{ step: "[]", schema: def.element }];
    case "record":
      return [{ step: "*", schema: def.valueType }];
    default:
      return [];
  }
}

function join(path: string, step: string): string {
  if (step === "[]") return `${path}[]`;
  return path === "" ? step : `${path}.${step}`;
}
