import {
  type AnyValue,
  emptyAttributes,
  finite,
  flatten,
  integerValue,
  type MutableAttributes,
  setAttribute,
} from "./decode-attributes.ts";
import { type DecodeBudget, OtlpDecodeError } from "./telemetry.ts";

/** A JSON object whose fields are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses a body as OTLP/JSON's top object. Throws `OtlpDecodeError`. */
export function parseJsonObject(body: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OtlpDecodeError(`the body is not JSON: ${message}`, undefined, { cause });
  }
  return asObject(value, "body");
}

export function asObject(value: unknown, field: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new OtlpDecodeError(`${field}: expected an object`);
  }
  return value as JsonObject;
}

/** Absent and null read as empty, as proto3 JSON wants. */
export function listOf(value: unknown, field: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new OtlpDecodeError(`${field}: expected an array`);
  return value;
}

export function objectOf(value: unknown, field: string): JsonObject {
  return value === undefined || value === null ? {} : asObject(value, field);
}

export function textOf(value: unknown, field: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new OtlpDecodeError(`${field}: expected a string`);
  return value;
}

/** A double; OTLP/JSON also writes "NaN" and "Infinity" as text. */
export function numberOf(value: unknown, field: string): number {
  if (value === undefined || value === null) return 0;
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number !== "number" || (Number.isNaN(number) && value !== "NaN")) {
    throw new OtlpDecodeError(`${field}: expected a number`);
  }
  return number;
}

/** An integer ≥ 0 up to 2^53, as number or decimal text. */
export function countOf(value: unknown, field: string): number {
  const number = numberOf(value, field);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new OtlpDecodeError(`${field}: expected a count from 0 to 2^53`);
  }
  return number;
}

export function integerOf(value: unknown, field: string): number {
  const number = numberOf(value, field);
  if (!Number.isSafeInteger(number)) throw new OtlpDecodeError(`${field}: expected an integer`);
  return number;
}

/** Nanoseconds: decimal text, since they pass 2^53; a number is taken as it is. */
export function nanosOf(value: unknown, field: string): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === "string" && /^\d{1,20}$/.test(value)) return BigInt(value);
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return BigInt(value);
  throw new OtlpDecodeError(`${field}: expected nanoseconds since the epoch`);
}

/** The `attributes` array of anything that has one. */
export function attributesOf(holder: JsonObject, budget: DecodeBudget): MutableAttributes {
  const attributes = emptyAttributes();
  for (const entry of listOf(holder["attributes"], "attributes")) {
    budget.takeElements(1);
    const { key, value } = asObject(entry, "attributes");
    const flat = flatten(anyValue(objectOf(value, "attributes.value"), budget, 0));
    if (flat !== undefined) setAttribute(attributes, textOf(key, "attributes.key"), flat);
  }
  return attributes;
}

function anyValue(value: JsonObject, budget: DecodeBudget, depth: number): AnyValue {
  if (depth > budget.limits.maxValueDepth) {
    throw new OtlpDecodeError(`attribute value nested deeper than ${budget.limits.maxValueDepth}`);
  }
  if (value["stringValue"] !== undefined) return textOf(value["stringValue"], "stringValue");
  if (value["boolValue"] !== undefined) return value["boolValue"] === true;
  if (value["intValue"] !== undefined) return intValue(value["intValue"]);
  if (value["doubleValue"] !== undefined) {
    return finite(numberOf(value["doubleValue"], "doubleValue"));
  }
  if (value["bytesValue"] !== undefined) return textOf(value["bytesValue"], "bytesValue");
  if (value["arrayValue"] !== undefined) {
    const list = listOf(objectOf(value["arrayValue"], "arrayValue")["values"], "arrayValue.values");
    budget.takeElements(list.length);
    return list.map((item) => anyValue(objectOf(item, "arrayValue.values"), budget, depth + 1));
  }
  if (value["kvlistValue"] !== undefined) {
    const list = listOf(
      objectOf(value["kvlistValue"], "kvlistValue")["values"],
      "kvlistValue.values",
    );
    budget.takeElements(list.length);
    const map = Object.create(null) as { [key: string]: AnyValue };
    for (const item of list) {
      const entry = asObject(item, "kvlistValue.values");
      const inner = objectOf(entry["value"], "kvlistValue.value");
      map[textOf(entry["key"], "kvlistValue.key")] = anyValue(inner, budget, depth + 1);
    }
    return map;
  }
  return null;
}

function intValue(value: unknown): number | string {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  if (typeof value === "string" && /^-?\d{1,19}$/.test(value)) return integerValue(BigInt(value));
  throw new OtlpDecodeError("intValue: expected an integer");
}
