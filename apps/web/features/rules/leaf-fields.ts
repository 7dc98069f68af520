import { isRecord, type YamlPath } from "./rule-yaml.ts";

/** One plain value of a rule's spec. */
export interface LeafField {
  readonly path: YamlPath;
  /** `trafficPolicy › outlierDetection › interval`, lists by number. */
  readonly label: string;
  readonly value: string | number | boolean;
}

/** More would be no form any more. */
const MOST_FIELDS = 60;

/** The plain values below `spec`, in the order of the document, for the form of kinds that have none of their own. */
export function leafFields(document: unknown): { fields: LeafField[]; isCut: boolean } {
  const fields: LeafField[] = [];
  const walk = (value: unknown, path: YamlPath): void => {
    if (fields.length > MOST_FIELDS) return;
    if (Array.isArray(value)) value.forEach((item, index) => walk(item, [...path, index]));
    else if (isRecord(value)) {
      for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
    } else if (
      typeof value === "string" ||
      typeof value === "number" ||
      typeof value === "boolean"
    ) {
      fields.push({ path, label: labelOf(path), value });
    }
  };
  if (isRecord(document)) walk(document["spec"], ["spec"]);
  return { fields: fields.slice(0, MOST_FIELDS), isCut: fields.length > MOST_FIELDS };
}

function labelOf(path: YamlPath): string {
  return path
    .slice(1)
    .map((key) => (typeof key === "number" ? String(key + 1) : key))
    .join(" › ");
}

/** A typed text as the kind of value that stood there; a text that is no number stays a text, and the check says so. */
export function leafValue(before: LeafField["value"], typed: string): LeafField["value"] {
  if (typeof before !== "number") return typed;
  const number = Number(typed);
  return typed.trim() !== "" && Number.isFinite(number) ? number : typed;
}
