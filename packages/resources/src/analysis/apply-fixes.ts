import { isDeepStrictEqual } from "node:util";
import { type Document, isMap, parseDocument } from "yaml";
import type { YamlEdit } from "../edit-yaml.ts";
import { fieldsOf, textAt } from "./fields.ts";
import type { Finding } from "./finding.ts";
import { keepLines } from "./keep-lines.ts";

const SEPARATOR = /^(?=---(?:\s|$))/m;

/**
 * Carries out the fixes of findings about one file. Only lines that a fix changes are written anew; all others stay as
 * they are, comments and blanks too. (Where a text is laid out so that its lines cannot be told apart, its document is
 * printed anew: then it says the same, and comments may move.) `fixed`: the findings whose fix was made.
 */
export function applyFixes(
  text: string,
  findings: readonly Finding[],
): { readonly text: string; readonly fixed: readonly Finding[] } {
  const fixed: Finding[] = [];
  const parts = text.split(SEPARATOR).map((part) => {
    const [, marker = "", body = ""] = /^(---[^\n]*\n)?([\s\S]*)$/.exec(part) ?? [];
    const own = findings.filter((finding) => finding.fix && isAbout(finding, body));
    const edited = own.length === 0 ? body : edit(body, own);
    if (edited !== body) fixed.push(...own);
    return `${marker}${edited}`;
  });
  return { text: parts.join(""), fixed };
}

function isAbout({ subject, resource }: Finding, body: string): boolean {
  if (!body.includes(subject.name)) return false;
  const wire: unknown = parseDocument(body).toJS();
  const namespace = textAt(wire, "metadata", "namespace");
  const { kind } = fieldsOf(wire);
  const name = textAt(wire, "metadata", "name");
  const title =
    namespace === "" ? `${String(kind)} ${name}` : `${String(kind)} ${namespace}/${name}`;
  return title === resource;
}

function edit(body: string, findings: readonly Finding[]): string {
  const document = parseDocument(body);
  if (document.errors.length > 0) return body;
  const edits = findings.flatMap(({ fix }) => fix?.edits ?? []);
  for (const { path, value } of edits) {
    if (value !== undefined) document.setIn(path, value);
  }
  // The last item of a list goes first, so that the places of the others hold.
  const removals = edits.filter(({ value }) => value === undefined).sort(byPlaceDescending);
  for (const { path } of removals) remove(document, path);
  const wanted: unknown = document.toJS();
  const written = print(document, body);
  const kept = keepLines(body, print(parseDocument(body), body), written);
  const says = (text: string) => isDeepStrictEqual(plainOf(text), wanted);
  if (kept !== undefined && says(kept)) return kept;
  return says(written) ? written : body;
}

/** `undefined`: no YAML. */
function plainOf(text: string): unknown {
  const document = parseDocument(text);
  return document.errors.length > 0 ? undefined : document.toJS();
}

function remove(document: Document, path: YamlEdit["path"]): void {
  if (!document.hasIn(path)) return;
  document.deleteIn(path);
  const around = path.slice(0, -1);
  const map = document.getIn(around);
  if (isMap(map) && map.items.length === 0) document.deleteIn(around);
}

function byPlaceDescending(one: YamlEdit, other: YamlEdit): number {
  const length = Math.max(one.path.length, other.path.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [one.path[at], other.path[at]];
    if (left === right) continue;
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    if (typeof left === "number" && typeof right === "number") return right - left;
    return String(left) < String(right) ? 1 : -1;
  }
  return 0;
}

/** In the style that the text has: lists indented or not, braces padded or not. */
function print(document: Document, body: string): string {
  return document.toString({
    lineWidth: 0,
    indentSeq: isListIndented(body),
    flowCollectionPadding: !/\{[^\s{}]/.test(body),
  });
}

function isListIndented(body: string): boolean {
  const found = /^( *)(?:- +)*[\w./-]+:[ \t]*\n(?:[ \t]*#[^\n]*\n|[ \t]*\n)*( *)- /m.exec(body);
  return (found?.[2]?.length ?? 0) > (found?.[1]?.length ?? 0);
}
