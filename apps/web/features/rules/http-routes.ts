import { isRecord, textOf, valueAt, type YamlEdit, type YamlPath } from "./rule-yaml.ts";

/** The HTTP routes of a VirtualService as the form shows them, and the edits its controls make. */

/** How a text is compared. */
export const MATCH_KINDS = ["exact", "prefix", "regex"] as const;
export type MatchKind = (typeof MATCH_KINDS)[number];

/** One thing asked of a request; `place`: where it stands in the document. */
export interface Condition {
  readonly place: YamlPath;
  readonly subject: "path" | "method" | "host" | "header" | "query parameter" | "other";
  /** Of a header or parameter its name; of `other` the field's. */
  readonly name: string;
  readonly kind: MatchKind;
  readonly value: string;
}

export interface Destination {
  readonly place: YamlPath;
  readonly host: string;
  readonly subset: string;
  readonly weight: number;
}

export interface FaultForm {
  readonly kind: "none" | "abort" | "delay" | "both";
  readonly percent: number;
  readonly status: number;
  readonly delay: string;
}

export interface RouteForm {
  readonly index: number;
  readonly place: YamlPath;
  readonly name: string;
  /** Blocks of which any is enough, each of conditions that all must hold; none: every request. */
  readonly matches: readonly (readonly Condition[])[];
  /** In words, what it does instead of forwarding; absent: it forwards. */
  readonly instead: string | undefined;
  readonly destinations: readonly Destination[];
  readonly timeout: string;
  readonly retries: number | undefined;
  readonly fault: FaultForm;
  /** Subset copies go to, `host` alone where none is named; empty: none. */
  readonly mirror: string;
}

const SUBJECTS = { uri: "path", method: "method", authority: "host" } as const;

/** The routes a document has; nothing where it has none or they are no list. */
export function readRoutes(document: unknown): RouteForm[] {
  const http = valueAt(document, ["spec", "http"]);
  if (!Array.isArray(http)) return [];
  return http.map((route: unknown, index) => {
    const place = ["spec", "http", index];
    const destinations = listAt(route, "route").map((one, at): Destination => {
      const destination = valueAt(one, ["destination"]);
      return {
        place: [...place, "route", at],
        host: textOf(valueAt(destination, ["host"])),
        subset: textOf(valueAt(destination, ["subset"])),
        weight: numberAt(one, ["weight"]) ?? (listAt(route, "route").length === 1 ? 100 : 0),
      };
    });
    return {
      index,
      place,
      name: textOf(valueAt(route, ["name"])),
      matches: listAt(route, "match").map((block, at) =>
        conditionsOf(block, [...place, "match", at]),
      ),
      instead: insteadOf(route),
      destinations,
      timeout: textOf(valueAt(route, ["timeout"])),
      retries: numberAt(route, ["retries", "attempts"]),
      fault: faultOf(valueAt(route, ["fault"])),
      mirror: mirrorOf(route),
    };
  });
}

/** The same route as it was: by its name, else by its place. */
export function routeBefore(route: RouteForm, before: readonly RouteForm[]): RouteForm | undefined {
  if (route.name !== "") return before.find(({ name }) => name === route.name);
  const unnamed = before[route.index];
  return unnamed?.name === "" ? unnamed : undefined;
}

function conditionsOf(block: unknown, place: YamlPath): Condition[] {
  if (!isRecord(block)) return [];
  return Object.entries(block).flatMap(([field, value]): Condition[] => {
    if (field === "uri" || field === "method" || field === "authority") {
      const one = comparison(value);
      if (one !== undefined) {
        return [{ place: [...place, field], subject: SUBJECTS[field], name: "", ...one }];
      }
    }
    if ((field === "headers" || field === "queryParams") && isRecord(value)) {
      const subject = field === "headers" ? "header" : "query parameter";
      return Object.entries(value).map(([name, asked]): Condition => {
        const one = comparison(asked);
        return one === undefined
          ? other([...place, field, name], `${subject} ${name}`, asked)
          : { place: [...place, field, name], subject, name, ...one };
      });
    }
    return [other([...place, field], field, value)];
  });
}

function other(place: YamlPath, name: string, value: unknown): Condition {
  return { place, subject: "other", name, kind: "exact", value: JSON.stringify(value) ?? "" };
}

function comparison(value: unknown): { kind: MatchKind; value: string } | undefined {
  if (!isRecord(value)) return undefined;
  const kind = MATCH_KINDS.find((one) => one in value);
  if (kind === undefined || Object.keys(value).length !== 1) return undefined;
  return { kind, value: textOf(value[kind]) };
}

function insteadOf(route: unknown): string | undefined {
  const redirect = valueAt(route, ["redirect"]);
  if (isRecord(redirect)) {
    const code = numberAt(redirect, ["redirectCode"]) ?? 301;
    const to = `${textOf(redirect["authority"])}${textOf(redirect["uri"])}`;
    return `redirects with ${code}${to === "" ? "" : ` to ${to}`}`;
  }
  const status = numberAt(route, ["directResponse", "status"]);
  if (status !== undefined) return `answers ${status} itself`;
  const delegate = textOf(valueAt(route, ["delegate", "name"]));
  return delegate === "" ? undefined : `leaves it to VirtualService ${delegate}`;
}

function faultOf(fault: unknown): FaultForm {
  const abort = valueAt(fault, ["abort"]);
  const delay = valueAt(fault, ["delay"]);
  const percent =
    numberAt(isRecord(abort) ? abort : delay, ["percentage", "value"]) ??
    (isRecord(fault) ? 100 : 0);
  return {
    kind: isRecord(abort)
      ? isRecord(delay)
        ? "both"
        : "abort"
      : isRecord(delay)
        ? "delay"
        : "none",
    percent,
    status: numberAt(abort, ["httpStatus"]) ?? 503,
    delay: textOf(valueAt(delay, ["fixedDelay"])) || "1s",
  };
}

function mirrorOf(route: unknown): string {
  const mirror = valueAt(route, ["mirrors", 0, "destination"]) ?? valueAt(route, ["mirror"]);
  return textOf(valueAt(mirror, ["subset"])) || textOf(valueAt(mirror, ["host"]));
}

/** Sets how a condition compares and with what. */
export function conditionEdit(condition: Condition, kind: MatchKind, value: string): YamlEdit[] {
  return [{ path: condition.place, value: { [kind]: value } }];
}

/** Gives a header or parameter another name. */
export function renameEdit(condition: Condition, name: string): YamlEdit[] {
  const { place, kind, value } = condition;
  return [
    { path: place, value: undefined },
    { path: [...place.slice(0, -1), name], value: { [kind]: value } },
  ];
}

/** Sets one weight; with two destinations the other takes the rest. */
export function weightEdit(route: RouteForm, at: number, weight: number): YamlEdit[] {
  const set = (index: number, value: number): YamlEdit[] => {
    const destination = route.destinations[index];
    return destination === undefined ? [] : [{ path: [...destination.place, "weight"], value }];
  };
  if (route.destinations.length !== 2) return set(at, weight);
  return [...set(at, weight), ...set(1 - at, 100 - weight)];
}

/** Weights that keep their ratios and add up to 100. */
export function levelledEdit(route: RouteForm): YamlEdit[] {
  const total = route.destinations.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return [];
  const weights = route.destinations.map(({ weight }) => Math.floor((weight * 100) / total));
  const rest = 100 - weights.reduce((sum, weight) => sum + weight, 0);
  return route.destinations.map(({ place }, index) => ({
    path: [...place, "weight"],
    value: (weights[index] ?? 0) + (index < rest ? 1 : 0),
  }));
}

export function timeoutEdit(route: RouteForm, timeout: string): YamlEdit[] {
  const value = timeout.trim();
  return [{ path: [...route.place, "timeout"], value: value === "" ? undefined : value }];
}

export function retriesEdit(route: RouteForm, attempts: number | undefined): YamlEdit[] {
  return [{ path: [...route.place, "retries", "attempts"], value: attempts }];
}

/** Sets the fault; `both` is only written in the YAML. */
export function faultEdit(route: RouteForm, fault: FaultForm): YamlEdit[] {
  const path = [...route.place, "fault"];
  const percentage = { value: fault.percent };
  if (fault.kind === "abort") {
    return [{ path, value: { abort: { percentage, httpStatus: fault.status } } }];
  }
  if (fault.kind === "delay") {
    return [{ path, value: { delay: { percentage, fixedDelay: fault.delay } } }];
  }
  return [{ path, value: undefined }];
}

export function mirrorEdit(route: RouteForm, subset: string): YamlEdit[] {
  const old = [{ path: [...route.place, "mirror"], value: undefined }];
  const path = [...route.place, "mirrors"];
  if (subset === "") return [...old, { path, value: undefined }];
  const host = route.destinations[0]?.host ?? "";
  return [...old, { path, value: [{ destination: { host, subset } }] }];
}

/** Sends all of a route's requests to one subset. */
export function sendAllEdit(route: RouteForm, subset: string): YamlEdit[] {
  const [first] = route.destinations;
  if (first === undefined) return [];
  return [{ path: [...first.place, "destination", "subset"], value: subset || undefined }];
}

/** A route before all others that takes some requests out by a header. */
export function addRouteEdit(document: unknown, routes: readonly RouteForm[]): YamlEdit[] {
  const last = routes.findLast(({ destinations }) => destinations.length > 0);
  const target = last?.destinations.at(-1);
  const [host] = listAt(valueAt(document, ["spec"]), "hosts");
  const names = new Set(routes.map(({ name }) => name));
  const name = ["testers", "testers-2", "testers-3"].find((one) => !names.has(one));
  const destination = {
    host: target?.host ?? textOf(host),
    ...(target !== undefined && target.subset !== "" && { subset: target.subset }),
  };
  const route = {
    ...(name !== undefined && { name }),
    match: [{ headers: { "x-tester": { exact: "1" } } }],
    route: [{ destination }],
  };
  return [{ path: ["spec", "http", 0], insert: route }];
}

export function removeRouteEdit(route: RouteForm): YamlEdit[] {
  return [{ path: route.place, value: undefined }];
}

/** The order is the order in which routes are tried. */
export function moveRouteEdit(route: RouteForm, by: 1 | -1): YamlEdit[] {
  return [{ path: route.place, moveTo: route.index + by }];
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const found = valueAt(value, [key]);
  return Array.isArray(found) ? (found as unknown[]) : [];
}

function numberAt(value: unknown, path: YamlPath): number | undefined {
  const found = valueAt(value, path);
  return typeof found === "number" ? found : undefined;
}
