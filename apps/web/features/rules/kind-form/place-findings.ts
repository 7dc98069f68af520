import type { DraftFinding } from "../draft-findings.ts";
import { parsePath } from "../rule-yaml.ts";
import { type FormView, type GroupList, type GroupView, isThere } from "./read-form.ts";

/** Each finding beside the innermost group that its place is in; what is in none is under `""`. */
export function placeFindings(
  form: FormView,
  findings: readonly DraftFinding[],
): ReadonlyMap<string, readonly DraftFinding[]> {
  const views: GroupView[] = [];
  const collect = (list: GroupList): void => {
    for (const view of list.views) {
      if (isThere(view)) views.push(view);
      view.groups.forEach(collect);
    }
  };
  form.lists.forEach(collect);
  const placed = new Map<string, DraftFinding[]>();
  for (const finding of findings) {
    if (finding.path === undefined) continue;
    const at = keysOf(parsePath(finding.path));
    const [inner] = views
      .filter(({ path }) => isWithin(at, keysOf(path)))
      .sort((a, b) => reach(b, at) - reach(a, at) || b.path.length - a.path.length);
    const key = inner === undefined ? "" : groupKey(inner);
    placed.set(key, [...(placed.get(key) ?? []), finding]);
  }
  return placed;
}

export function groupKey({ group, path }: GroupView): string {
  return `${group.title} ${path.join("/")}`;
}

/** Whether a finding is about a field, or about something in it. */
export function isAbout(finding: DraftFinding, path: readonly (string | number)[]): boolean {
  return finding.path !== undefined && isWithin(keysOf(parsePath(finding.path)), keysOf(path));
}

/** Groups may share a path (`spec`): the one that has the field is meant. */
function reach(view: GroupView, at: readonly string[]): number {
  const own = view.fields.filter(({ path }) => isWithin(at, keysOf(path)));
  return Math.max(view.path.length, ...own.map(({ path }) => path.length));
}

function keysOf(path: readonly (string | number)[]): readonly string[] {
  return path.map(String);
}

function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  return outer.every((key, index) => inner[index] === key);
}
