import { readMoment } from "../../lib/moments.ts";
import type { GraphView } from "./graph-model.ts";

/** Everything about the page that a link must bring back. */
export type GraphState = {
  readonly selected: string | undefined;
  readonly view: GraphView;
  readonly show: "graph" | "table";
  readonly labels: readonly EdgeLabel[];
  readonly find: string;
  readonly hide: string;
  readonly windowMs: number;
  readonly camera: Camera | undefined;
  readonly namespace: string | undefined;
  /** The moment that is looked at; `undefined`: now, and on. */
  readonly atMs: number | undefined;
};

/** Where the canvas looks: scale, and the drawing's origin on the screen. */
export type Camera = { readonly scale: number; readonly xPx: number; readonly yPx: number };

export const VIEWS = ["versions", "services", "workloads"] as const satisfies GraphView[];
export const EDGE_LABELS = ["rate", "errors", "p50", "p95", "p99", "mtls"] as const;
export type EdgeLabel = (typeof EDGE_LABELS)[number];
export const WINDOWS_MS = [30_000, 60_000, 300_000, 900_000, 3_600_000] as const;
export const USUAL_WINDOW_MS = 30_000;
export const USUAL_LABELS: readonly EdgeLabel[] = ["rate", "errors"];
export const LEAST_SCALE = 0.15;
export const MOST_SCALE = 2.5;

/** Reads the query of the page; what it does not understand counts as not said. */
export function parseGraphState(search: URLSearchParams): GraphState {
  const windowMs = Number(search.get("window"));
  const labels = search.get("labels");
  return {
    selected: search.get("sel") ?? undefined,
    view: VIEWS.find((view) => view === search.get("view")) ?? "versions",
    show: search.get("show") === "table" ? "table" : "graph",
    labels:
      labels === null
        ? USUAL_LABELS
        : EDGE_LABELS.filter((label) => labels.split(",").includes(label)),
    find: search.get("find") ?? "",
    hide: search.get("hide") ?? "",
    windowMs: WINDOWS_MS.find((one) => one === windowMs) ?? USUAL_WINDOW_MS,
    camera: parseCamera(search.get("zoom")),
    namespace: search.get("ns") ?? undefined,
    atMs: readMoment(search.get("at") ?? undefined),
  };
}

function parseCamera(text: string | null): Camera | undefined {
  const [scale, xPx, yPx] = (text ?? "").split(",").map(Number);
  if (scale === undefined || xPx === undefined || yPx === undefined) return undefined;
  if (![scale, xPx, yPx].every(Number.isFinite)) return undefined;
  if (scale < LEAST_SCALE || scale > MOST_SCALE) return undefined;
  return { scale, xPx, yPx };
}

/** The query for a state; the usual is not written, so that links stay short. */
export function graphQuery(state: GraphState): string {
  const search = new URLSearchParams();
  const isUsualLabels = state.labels.join() === USUAL_LABELS.join();
  const entries: Readonly<Record<string, string | undefined>> = {
    sel: state.selected,
    view: state.view === "versions" ? undefined : state.view,
    show: state.show === "graph" ? undefined : state.show,
    labels: isUsualLabels ? undefined : state.labels.join(),
    find: state.find || undefined,
    hide: state.hide || undefined,
    window: state.windowMs === USUAL_WINDOW_MS ? undefined : String(state.windowMs),
    zoom: state.camera && cameraText(state.camera),
    ns: state.namespace,
    at: state.atMs === undefined ? undefined : String(state.atMs),
  };
  for (const [key, value] of Object.entries(entries)) {
    if (value !== undefined) search.set(key, value);
  }
  return search.toString();
}

function cameraText({ scale, xPx, yPx }: Camera): string {
  return [scale.toFixed(3), Math.round(xPx), Math.round(yPx)].join();
}
