import { isRecord, textOf, valueAt, type YamlPath } from "../rule-yaml.ts";
import type { FieldControl, FormField, FormGroup } from "./form-description.ts";

/** A document as its form shows it: what stands in each field, what stood there, and what no field can show. */

export interface FieldView {
  readonly field: FormField;
  readonly path: YamlPath;
  /** As it is typed; empty: left out. */
  readonly value: string;
  /** As it was when the draft was begun; absent: the group around it is new. */
  readonly was: string | undefined;
}

export interface GroupView {
  readonly group: FormGroup;
  readonly path: YamlPath;
  /** Of one of several: from 1, and the name it goes by. */
  readonly item: { readonly number: number; readonly name: string } | undefined;
  /** `absent`: it can be added. `gone`: so, too, and it was there when the draft was begun. */
  readonly state: "there" | "new" | "absent" | "gone";
  readonly fields: readonly FieldView[];
  readonly groups: readonly GroupList[];
}

/** The groups of one description: exactly one, or as many as there are. */
export interface GroupList {
  readonly group: FormGroup;
  readonly path: YamlPath;
  readonly views: readonly GroupView[];
}

export interface FormView {
  readonly lists: readonly GroupList[];
  /** Values without a field, the topmost of each kind. */
  readonly rest: readonly { readonly path: YamlPath; readonly label: string }[];
}

export function isThere({ state }: GroupView): boolean {
  return state === "there" || state === "new";
}

/** `before`: the document the draft was begun from. */
export function readForm(
  groups: readonly FormGroup[],
  document: unknown,
  before: unknown,
): FormView {
  const lists = groups.map((group) => readList(group, [], document, before));
  const shown = new Set<string>();
  const around = new Set<string>();
  for (const list of lists) notePlaces(list, document, shown, around);
  return { lists, rest: restOf(document, shown, around) };
}

function readList(
  group: FormGroup,
  around: YamlPath,
  document: unknown,
  /** What stood where the group around stood. */
  before: unknown,
): GroupList {
  const path = [...around, ...group.path];
  const value = valueAt(document, path);
  const old = valueAt(before, group.path);
  if (group.repeats === undefined) {
    const isThere = group.fresh === undefined || value !== undefined;
    const state = !isThere
      ? old === undefined
        ? "absent"
        : "gone"
      : group.fresh !== undefined && old === undefined
        ? "new"
        : "there";
    return { group, path, views: [readGroup({ group, path, document, before: old, state })] };
  }
  const { repeats } = group;
  if (repeats.as === "map") {
    const keys = isRecord(value) ? Object.keys(value) : [];
    return {
      group,
      path,
      views: keys.map((key, index) => {
        const was = valueAt(old, [key]);
        const item = { number: index + 1, name: key };
        const state = was === undefined ? "new" : "there";
        return readGroup({ group, path: [...path, key], document, before: was, state, item });
      }),
    };
  }
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  return {
    group,
    path,
    views: items.map((one, index) => {
      const name = textOf(valueAt(one, repeats.nameAt ?? ["name"]));
      const was = sameItem(old, index, repeats.nameAt, name);
      const state = was === undefined ? "new" : "there";
      const item = { number: index + 1, name };
      return readGroup({ group, path: [...path, index], document, before: was, state, item });
    }),
  };
}

/** Items are told apart by name where they have one, else by place. */
function sameItem(
  old: unknown,
  index: number,
  nameAt: YamlPath | undefined,
  name: string,
): unknown {
  if (!Array.isArray(old)) return undefined;
  if (nameAt === undefined || name === "") return (old as unknown[])[index];
  return old.find((one) => textOf(valueAt(one, nameAt)) === name);
}

function readGroup({
  group,
  path,
  document,
  before,
  state,
  item,
}: {
  readonly group: FormGroup;
  readonly path: YamlPath;
  readonly document: unknown;
  readonly before: unknown;
  readonly state: GroupView["state"];
  readonly item?: GroupView["item"];
}): GroupView {
  const isAbsent = state === "absent" || state === "gone";
  const fields = isAbsent
    ? []
    : (group.fields ?? []).map((field): FieldView => {
        const at = [...path, ...field.path];
        const was = valueAt(before, field.path);
        return {
          field,
          path: at,
          value: typedOf(field.control, valueAt(document, at)) ?? "",
          was: state === "new" ? undefined : (typedOf(field.control, was) ?? ""),
        };
      });
  const groups = isAbsent
    ? []
    : (group.groups ?? []).map((one) => readList(one, path, document, before));
  return { group, path, item, state, fields, groups };
}

/** A value as one types it; `undefined`: it has a shape the control cannot show. */
export function typedOf(control: FieldControl, value: unknown): string | undefined {
  if (value === undefined) return "";
  if (control.type === "names") {
    if (!Array.isArray(value)) return undefined;
    const texts = value.map(plainText);
    return texts.every((one) => one !== undefined && !one.includes(","))
      ? texts.join(", ")
      : undefined;
  }
  if (control.type === "labels") {
    if (!isRecord(value)) return undefined;
    const pairs = Object.entries(value).map(([key, one]) => {
      const text = plainText(one);
      return text === undefined || /[,=]/.test(`${key}${text}`) ? undefined : `${key}=${text}`;
    });
    return pairs.includes(undefined) ? undefined : pairs.join(", ");
  }
  return plainText(value);
}

function plainText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

/** Which places have a field, and which only lie around such. */
function notePlaces(
  list: GroupList,
  document: unknown,
  shown: Set<string>,
  around: Set<string>,
): void {
  const note = (path: YamlPath): void => {
    for (let depth = 1; depth < path.length; depth += 1) around.add(keyOf(path.slice(0, depth)));
  };
  note([...list.path, ""]);
  for (const view of list.views) {
    note([...view.path, ""]);
    for (const { field, path } of view.fields) {
      note(path);
      if (typedOf(field.control, valueAt(document, path)) !== undefined) shown.add(keyOf(path));
    }
    for (const one of view.groups) notePlaces(one, document, shown, around);
  }
}

function restOf(
  document: unknown,
  shown: ReadonlySet<string>,
  around: ReadonlySet<string>,
): FormView["rest"] {
  const rest: { path: YamlPath; label: string }[] = [];
  const walk = (value: unknown, path: YamlPath): void => {
    const key = keyOf(path);
    if (shown.has(key) || value === undefined || value === null) return;
    if (!around.has(key)) {
      rest.push({ path, label: labelOf(path) });
    } else if (Array.isArray(value)) value.forEach((one, index) => walk(one, [...path, index]));
    else if (isRecord(value)) {
      for (const [name, one] of Object.entries(value)) walk(one, [...path, name]);
    }
  };
  if (isRecord(document)) walk(document["spec"], ["spec"]);
  return rest;
}

function keyOf(path: YamlPath): string {
  return JSON.stringify(path.map(String));
}

/** `trafficPolicy › portLevelSettings`; list items by number, from 1. */
function labelOf(path: YamlPath): string {
  return path
    .slice(1)
    .map((key) => (typeof key === "number" ? String(key + 1) : key))
    .join(" › ");
}
