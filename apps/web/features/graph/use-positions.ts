"use client";
import type { LayoutGraph, Point, Positions } from "@heddle/graph-layout";
import { useEffect, useMemo, useRef, useState } from "react";
import {
  parseMemory,
  placedAfresh,
  serializeMemory,
  withDragged,
  withGraph,
} from "./position-memory.ts";

/** A mesh whose shape has not changed for this long has shown its calls; from then on nothing moves. */
const SETTLES_AFTER_MS = 12_000;
const MOVE_MS = 220;

export type PlacedGraph = {
  readonly positions: Positions;
  readonly moveCard: (id: string, to: Point) => void;
  /** Places all afresh; what it returns brings the former places back. */
  readonly relayout: () => () => void;
};

/** Places of the cards, kept per mesh and view in this browser. A new key needs a new component. */
export function usePositions(storageKey: string, graph: LayoutGraph): PlacedGraph {
  const [memory, setMemory] = useState(() => parseMemory(localStorage.getItem(storageKey)));
  const shape = shapeOf(graph);
  // Only a new shape needs new places; rates change each second.
  const current = useMemo(() => withGraph(memory, graph), [memory, shape]);

  useEffect(() => {
    if (!current.isSettled) return;
    localStorage.setItem(storageKey, serializeMemory(current));
    setMemory(current);
  }, [current, storageKey]);

  useEffect(() => {
    if (current.isSettled) return undefined;
    const timer = setTimeout(() => setMemory({ ...current, isSettled: true }), SETTLES_AFTER_MS);
    return () => clearTimeout(timer);
  }, [current]);

  const isDragging = useRef(false);
  const positions = useGlide(current.places, isDragging);
  return {
    positions,
    moveCard: (id, to) => {
      isDragging.current = true;
      setMemory(withDragged(current, id, to));
    },
    relayout: () => {
      isDragging.current = false;
      setMemory(placedAfresh(graph));
      return () => setMemory(current);
    },
  };
}

function shapeOf(graph: LayoutGraph): string {
  return JSON.stringify([
    graph.nodes.map((node) => node.id),
    graph.edges.map((edge) => [edge.source, edge.destination]),
  ]);
}

/** Cards glide to their new places in 220 ms; newcomers appear in theirs; a dragged card is just there. */
function useGlide(target: Positions, isDragging: { readonly current: boolean }): Positions {
  const shown = useRef(target);
  const [, redraw] = useState(0);
  useEffect(() => {
    const from = shown.current;
    const moves = [...target].some(([id, to]) => {
      const at = from.get(id);
      return at !== undefined && (at.xPx !== to.xPx || at.yPx !== to.yPx);
    });
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!moves || isStill || isDragging.current) {
      shown.current = target;
      redraw((count) => count + 1);
      return undefined;
    }
    const startedMs = performance.now();
    const step = () => {
      const share = Math.min((performance.now() - startedMs) / MOVE_MS, 1);
      shown.current = share === 1 ? target : between(from, target, easeOut(share));
      redraw((count) => count + 1);
      if (share < 1) frame = requestAnimationFrame(step);
    };
    let frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [target, isDragging]);
  // Until the effect has run, whoever has no place yet is drawn where it will be.
  return [...target.keys()].every((id) => shown.current.has(id))
    ? shown.current
    : new Map([...target, ...shown.current]);
}

function easeOut(share: number): number {
  return 1 - (1 - share) ** 3;
}

function between(from: Positions, to: Positions, share: number): Positions {
  return new Map(
    [...to].map(([id, end]) => {
      const start = from.get(id) ?? end;
      const xPx = start.xPx + (end.xPx - start.xPx) * share;
      const yPx = start.yPx + (end.yPx - start.yPx) * share;
      return [id, { xPx, yPx }];
    }),
  );
}
