import { isRecord, textOf, valueAt, type YamlEdit, type YamlPath } from "../rule-yaml.ts";
import type { FieldControl } from "./form-description.ts";
import type { FieldView, GroupList, GroupView } from "./read-form.ts";

/** The edits that a form's controls make, none wider than what was changed, so that comments beside it stay. */

/** What a typed text makes of a field; an empty one takes the value away. */
export function fieldEdit(document: unknown, view: FieldView, typed: string): YamlEdit[] {
  const { path, field } = view;
  const text = typed.trim();
  if (field.control.type === "names") return namesEdit(path, valueAt(document, path), text);
  if (field.control.type === "labels") return labelsEdit(path, valueAt(document, path), text);
  return [{ path, value: text === "" ? undefined : valueOf(field.control, text) }];
}

/** What is no number is kept as it was typed: the check says so at its place. */
function valueOf(control: FieldControl, text: string): unknown {
  if (control.type === "flag") return text === "true";
  if (control.type !== "number") return text;
  const value = Number(text);
  return Number.isFinite(value) ? value : text;
}

function namesEdit(path: YamlPath, value: unknown, text: string): YamlEdit[] {
  const wanted = [...new Set(text.split(",").map((one) => one.trim()))].filter(Boolean);
  const old: readonly unknown[] = Array.isArray(value) ? value : [];
  const known = old.map(textOf);
  const kept = known.filter((one) => wanted.includes(one));
  const isSameOrder = wanted.slice(0, kept.length).every((one, index) => one === kept[index]);
  if (kept.length === 0 || !isSameOrder) {
    return [{ path, value: wanted.length === 0 ? undefined : wanted }];
  }
  const gone = known
    .map((one, index) => ({ one, index }))
    .filter(({ one, index }) => !wanted.includes(one) || known.indexOf(one) !== index);
  const fresh = wanted.slice(kept.length);
  return [
    ...gone
      .reverse() // from the end, so that those before it keep their places
      .map(({ index }): YamlEdit => ({ path: [...path, index], value: undefined })),
    ...fresh.map((one, at): YamlEdit => ({ path: [...path, kept.length + at], insert: one })),
  ];
}

function labelsEdit(path: YamlPath, value: unknown, text: string): YamlEdit[] {
  const wanted = new Map(
    text.split(",").flatMap((pair): [string, string][] => {
      const [key = "", ...rest] = pair.split("=");
      return key.trim() === "" ? [] : [[key.trim(), rest.join("=").trim()]];
    }),
  );
  if (wanted.size === 0) return [{ path, value: undefined }];
  const old = isRecord(value) ? value : {};
  const set = [...wanted]
    .filter(([key, one]) => textOf(old[key]) !== one || !(key in old))
    .map(([key, one]): YamlEdit => ({ path: [...path, key], value: one }));
  const gone = Object.keys(old)
    .filter((key) => !wanted.has(key))
    .map((key): YamlEdit => ({ path: [...path, key], value: undefined }));
  return [...set, ...gone];
}

/** One more of a group: an item, a key, or the group itself where it can be left out. */
export function addEdit(document: unknown, { group, path }: GroupList): YamlEdit[] {
  const { repeats, fresh = {} } = group;
  if (repeats === undefined) return [{ path, value: fresh }];
  const value = valueAt(document, path);
  if (repeats.as === "list") {
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    const insert = repeats.nameAt === undefined ? fresh : unlike(items, fresh, repeats.nameAt);
    return [{ path: [...path, items.length], insert }];
  }
  const keys = isRecord(value) ? Object.keys(value) : [];
  return [{ path: [...path, freeKey(repeats.freshKey, keys)], value: fresh }];
}

export function removeEdit({ path }: GroupView): YamlEdit[] {
  return [{ path, value: undefined }];
}

/** Gives an entry of a map another key; a key that is taken stays with whom it is. */
export function renameKeyEdit(document: unknown, { path }: GroupView, key: string): YamlEdit[] {
  const around = path.slice(0, -1);
  const next = key.trim();
  if (next === "" || valueAt(document, [...around, next]) !== undefined) return [];
  return [
    { path: [...around, next], value: valueAt(document, path) },
    { path, value: undefined },
  ];
}

/** A fresh item, named as no other is: beside `v1` and `v2`, `v3`; its labels follow the name. */
function unlike(items: readonly unknown[], fresh: unknown, nameAt: YamlPath): unknown {
  const taken = new Set(items.map((one) => textOf(valueAt(one, nameAt))));
  const name = textOf(valueAt(fresh, nameAt));
  const [, stem = "", digits] = /^(.*?)(\d*)$/.exec(name) ?? [];
  let next = name;
  for (let count = Number(digits || 1); taken.has(next); ) {
    count += 1;
    next = digits === "" ? `${stem}-${count}` : `${stem}${count}`;
  }
  return next === name ? fresh : renamed(fresh, name, next);
}

/** A copy in which one text is another, wherever it stands. */
function renamed(value: unknown, from: string, to: string): unknown {
  if (value === from) return to;
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, renamed(one, from, to)]),
  );
}

/** `8080`, then `8081`: the next number that no entry has. */
function freeKey(first: string, keys: readonly string[]): string {
  let next = Number(first);
  while (keys.includes(String(next))) next += 1;
  return String(next);
}
