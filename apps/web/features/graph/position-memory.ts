import {
  type LayoutGraph,
  layeredLayout,
  type Point,
  type Positions,
  placeNewcomers,
} from "@heddle/graph-layout";

/**
 * What a browser remembers of a mesh's picture.
 *
 * Unsettled (a mesh seen for the first time, while its first calls come in) each new shape of the graph
 * is placed afresh. Settled, cards stay where they are for ever: only newcomers are placed.
 */
export type PositionMemory = {
  readonly isSettled: boolean;
  readonly places: Positions;
  /** Placed while nobody called them; with its first call such a card moves to its column, once. */
  readonly provisional: ReadonlySet<string>;
};

export const EMPTY_MEMORY: PositionMemory = {
  isSettled: false,
  places: new Map(),
  provisional: new Set(),
};

/** More cards than this are not kept for a mesh; the ones not in the picture go first. */
const MOST_KEPT = 2000;

/** The memory with a place for every node of the graph; the same object if all had one. */
export function withGraph(memory: PositionMemory, graph: LayoutGraph): PositionMemory {
  const connected = new Set(graph.edges.flatMap((edge) => [edge.source, edge.destination]));
  const isAlone = (id: string) => !connected.has(id);
  const ids = graph.nodes.map((node) => node.id);
  if (!memory.isSettled) {
    const places = layeredLayout(graph);
    return { isSettled: false, places, provisional: new Set(ids.filter(isAlone)) };
  }
  const leaving = ids.filter((id) => memory.provisional.has(id) && connected.has(id));
  const isComplete = ids.every((id) => memory.places.has(id));
  if (leaving.length === 0 && isComplete) return memory;
  const kept = new Map(memory.places);
  for (const id of leaving) kept.delete(id);
  const placed = placeNewcomers(graph, kept);
  const provisional = new Set(
    [...memory.provisional, ...ids.filter((id) => !kept.has(id))].filter(isAlone),
  );
  return { isSettled: true, places: bounded(new Map([...kept, ...placed]), ids), provisional };
}

function bounded(places: Positions, shown: readonly string[]): Positions {
  if (places.size <= MOST_KEPT) return places;
  const shownIds = new Set(shown);
  const others = [...places].filter(([id]) => !shownIds.has(id));
  const kept = others.slice(-Math.max(0, MOST_KEPT - shownIds.size));
  return new Map([...kept, ...[...places].filter(([id]) => shownIds.has(id))]);
}

/** A card dragged by hand: it belongs there from now on, and so does everything else. */
export function withDragged(memory: PositionMemory, id: string, to: Point): PositionMemory {
  const provisional = new Set(memory.provisional);
  provisional.delete(id);
  return { isSettled: true, places: new Map(memory.places).set(id, to), provisional };
}

/** Everything placed afresh, dragged cards too. */
export function placedAfresh(graph: LayoutGraph): PositionMemory {
  return { ...withGraph(EMPTY_MEMORY, graph), isSettled: true };
}

export function serializeMemory(memory: PositionMemory): string {
  const places = [...memory.places].map(([id, { xPx, yPx }]) => [id, xPx, yPx]);
  return JSON.stringify({ places, provisional: [...memory.provisional] });
}

/** Reads what `serializeMemory` wrote; anything else, as after an update of the console, is empty. */
export function parseMemory(text: string | null): PositionMemory {
  const stored = text === null ? undefined : parseJson(text);
  if (typeof stored !== "object" || stored === null || !("places" in stored)) return EMPTY_MEMORY;
  if (!Array.isArray(stored.places)) return EMPTY_MEMORY;
  const places = new Map(
    stored.places.flatMap((entry: unknown): [string, Point][] => {
      if (!Array.isArray(entry)) return [];
      const [id, xPx, yPx]: unknown[] = entry;
      if (typeof id !== "string" || !isFinite(xPx) || !isFinite(yPx)) return [];
      return [[id, { xPx, yPx }]];
    }),
  );
  const provisional =
    "provisional" in stored && Array.isArray(stored.provisional)
      ? stored.provisional.filter((id): id is string => typeof id === "string")
      : [];
  return { isSettled: places.size > 0, places, provisional: new Set(provisional) };
}

function isFinite(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // somebody else's text under our key: as good as nothing kept
  }
}
