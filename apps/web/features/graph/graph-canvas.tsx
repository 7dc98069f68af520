"use client";
import type { GraphNode } from "@heddle/contracts";
import {
  type Point,
  placeChips,
  pointOnThread,
  type Rect,
  type ThreadCurve,
  threadCurve,
} from "@heddle/graph-layout";
import { Maximize, Minus, Plus, Workflow } from "lucide-react";
import { type CSSProperties, type KeyboardEvent, useMemo, useRef } from "react";
import { UNIT_SPACE } from "../../lib/numbers.ts";
import { IconButton } from "../../ui/button.tsx";
import { useElementSize } from "../../ui/element-size.ts";
import { compareStatus } from "../../ui/status.ts";
import { useToast } from "../../ui/toast.tsx";
import { cardSize, dockThreads } from "./card-geometry.ts";
import { ChipLayer, type PlacedChip } from "./chip-layer.tsx";
import styles from "./graph-canvas.module.css";
import type { GraphModel } from "./graph-model.ts";
import type { GraphState } from "./graph-state.ts";
import { Minimap } from "./minimap.tsx";
import { NodeCard } from "./node-card.tsx";
import { ThreadLayer } from "./thread-layer.tsx";
import { chipText, chipWidthPx } from "./thread-look.ts";
import { useCamera } from "./use-camera.ts";
import type { ChangeGraphState } from "./use-graph-state.ts";
import { usePositions } from "./use-positions.ts";
import { useReducedMotion } from "./use-reduced-motion.ts";
import { type WalkKey, walk } from "./walk.ts";

const CHIP_HEIGHT_PX = 18;
const BUSIEST_KEPT = 10;
const ZOOM_STEP = 1.25;
/** On a lower canvas, as with text at 200 %, the map would cover what it is a map of. */
const LEAST_MAP_HEIGHT_PX = 360;

/** The drawing: cards, threads and chips on a ground one can pan and zoom. */
export function GraphCanvas({
  model,
  nodes,
  state,
  change,
  asOfMs,
  storageKey,
  foundCards,
  foundThreads,
}: {
  readonly model: GraphModel;
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly state: GraphState;
  readonly change: ChangeGraphState;
  readonly asOfMs: number;
  readonly storageKey: string;
  readonly foundCards: ReadonlySet<string>;
  readonly foundThreads: ReadonlySet<string>;
}) {
  const [canvas, size] = useElementSize<HTMLDivElement>();
  const isStill = useReducedMotion();
  const showToast = useToast();
  const layoutGraph = useMemo(
    () => ({
      nodes: model.cards.map((card) => ({ id: card.id, ...cardSize(card) })),
      edges: model.threads.map((thread) => ({
        source: thread.sourceCard,
        destination: thread.destinationCard,
        weight: thread.edge.signals.requestsPerSecond,
      })),
    }),
    [model],
  );
  const { positions, moveCard, relayout } = usePositions(storageKey, layoutGraph);
  const rects = useMemo(
    () =>
      new Map(
        layoutGraph.nodes.flatMap((node): [string, Rect][] => {
          const at = positions.get(node.id);
          return at === undefined ? [] : [[node.id, { ...node, ...at }]];
        }),
      ),
    [layoutGraph, positions],
  );
  const curves = useMemo(() => curvesOf(model, rects), [model, rects]);
  const chips = useMemo(
    () => chipsOf(model, curves, rects, state),
    [model, curves, rects, state.labels, state.selected],
  );
  const bounds = useMemo(() => boundsOf(rects), [rects]);
  const view = useCamera(
    canvas,
    state.camera,
    size === undefined ? undefined : bounds,
    rects.get(worstCard(model)?.id ?? ""),
    rects.get(cardOf(model, state.selected) ?? ""),
    `${size?.widthPx} ${size?.heightPx} ${state.selected}`,
    (camera) => change({ camera }),
  );
  const select = useStable((id: string) => {
    change({ selected: id === state.selected ? undefined : id });
  });
  const move = useStable((id: string, to: Point) => {
    if (state.camera === undefined) change({ camera: view.camera }); // it must not follow what one drags
    moveCard(id, to);
  });

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const from = event.target instanceof Element ? event.target.getAttribute("data-walk") : null;
    if (from === null || !isWalkKey(event.key)) return;
    event.preventDefault();
    const middles = new Map([...curves].map(([id, curve]) => [id, pointOnThread(curve, 0.5)]));
    const to = walk(from, event.key, model, rects, middles);
    if (to === undefined) return;
    const target = event.currentTarget.querySelector(`[data-walk="${CSS.escape(to)}"]`);
    if (target instanceof HTMLElement || target instanceof SVGElement) {
      target.focus({ preventScroll: true });
      const rect = rects.get(cardOf(model, to) ?? "");
      if (rect !== undefined) view.reveal(rect);
    }
  };
  const placeAfresh = () => {
    const undo = relayout();
    const { camera } = state;
    change({ camera: undefined });
    const takeBack = () => {
      undo();
      change({ camera });
    };
    showToast({ text: "All cards placed afresh.", act: { label: "Undo", run: takeBack } });
  };
  return (
    <div
      ref={canvas}
      className={styles.canvas}
      role="application"
      aria-label="Service graph. Arrow keys walk along threads and rows, Enter selects."
      data-zoom={zoomLevel(view.camera.scale)}
      style={groundOf(view.camera)}
      onKeyDown={onKeyDown}
      onScroll={(event) => event.currentTarget.scrollTo(0, 0)}
      onClick={(event) => {
        const isGround = event.target === event.currentTarget;
        if (isGround && state.selected !== undefined) change({ selected: undefined });
      }}
    >
      <div
        className={styles.world}
        data-gliding={view.isGliding || undefined}
        style={{
          visibility: size === undefined ? "hidden" : "visible", // no place is right before it is measured
          transform: `translate(${view.camera.xPx}px, ${view.camera.yPx}px) scale(${view.camera.scale})`,
        }}
      >
        <ThreadLayer
          threads={model.threads}
          curves={curves}
          nodes={nodes}
          selected={state.selected}
          found={foundThreads}
          isStill={isStill}
          onSelect={select}
        />
        {cardsAsRead(model, rects).map(({ card, rect }) => {
          const isOwn =
            state.selected === card.id || card.rows.some((row) => row.id === state.selected);
          return (
            <NodeCard
              key={card.id}
              card={card}
              rect={rect}
              selected={isOwn ? state.selected : undefined}
              isFound={foundCards.has(card.id)}
              asOfMs={asOfMs}
              onSelect={select}
              onMove={move}
            />
          );
        })}
        <ChipLayer chips={chips} selected={state.selected} onSelect={select} />
      </div>
      <div className={styles.tools} data-not-canvas data-tools>
        {bounds !== undefined && size !== undefined && size.heightPx >= LEAST_MAP_HEIGHT_PX && (
          <Minimap
            cards={model.cards}
            rects={rects}
            bounds={bounds}
            camera={view.camera}
            viewport={size}
            onLookAt={view.lookAt}
          />
        )}
        <div className={styles.zoom} role="group" aria-label="Zoom">
          <IconButton
            size="toolbar"
            label="Zoom out"
            icon={<Minus size={14} />}
            onClick={() => view.zoomBy(1 / ZOOM_STEP)}
          />
          <output className={styles.scale}>
            {Math.round(view.camera.scale * 100)}
            {UNIT_SPACE}%
          </output>
          <IconButton
            size="toolbar"
            label="Zoom in"
            icon={<Plus size={14} />}
            onClick={() => view.zoomBy(ZOOM_STEP)}
          />
          <IconButton
            size="toolbar"
            label="Fit all in sight (0)"
            data-key="fit"
            icon={<Maximize size={14} />}
            onClick={view.fit}
          />
          <IconButton
            size="toolbar"
            label="Place all cards afresh"
            icon={<Workflow size={14} />}
            onClick={placeAfresh}
          />
        </div>
      </div>
    </div>
  );
}

function isWalkKey(key: string): key is WalkKey {
  return ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key);
}

/** The same function all along, calling the newest: what is memoized must not see a new one each second. */
function useStable<Args extends readonly unknown[], Result>(
  run: (...args: Args) => Result,
): (...args: Args) => Result {
  const latest = useRef(run);
  latest.current = run;
  return useRef((...args: Args) => latest.current(...args)).current;
}

/** Focus moves as one reads: column by column, top to bottom. */
function cardsAsRead(model: GraphModel, rects: ReadonlyMap<string, Rect>) {
  return model.cards
    .flatMap((card) => {
      const rect = rects.get(card.id);
      return rect === undefined ? [] : [{ card, rect }];
    })
    .sort((a, b) => a.rect.xPx - b.rect.xPx || a.rect.yPx - b.rect.yPx);
}

/** Where trouble is; the busiest, where there is none. */
function worstCard(model: GraphModel) {
  const rateOf = (card: GraphModel["cards"][number]) =>
    card.rows.reduce((sum, row) => sum + row.node.signals.requestsPerSecond, 0);
  const [worst] = model.cards.toSorted(
    (a, b) => compareStatus(a.status, b.status) || rateOf(b) - rateOf(a),
  );
  return worst;
}

function cardOf(model: GraphModel, id: string | undefined): string | undefined {
  const thread = model.threads.find((one) => one.id === id);
  if (thread !== undefined) return thread.destinationCard;
  return model.cards.find((card) => card.id === id || card.rows.some((row) => row.id === id))?.id;
}

function curvesOf(
  model: GraphModel,
  rects: ReadonlyMap<string, Rect>,
): ReadonlyMap<string, ThreadCurve> {
  const ends = dockThreads(model, rects);
  return new Map(
    model.threads.flatMap((thread): [string, ThreadCurve][] => {
      const end = ends.get(thread.id);
      if (end === undefined) return [];
      const others = [...rects].flatMap(([id, rect]) =>
        id === thread.sourceCard || id === thread.destinationCard ? [] : [rect],
      );
      return [[thread.id, threadCurve(end.from, end.to, others)]];
    }),
  );
}

function chipsOf(
  model: GraphModel,
  curves: ReadonlyMap<string, ThreadCurve>,
  rects: ReadonlyMap<string, Rect>,
  state: GraphState,
): readonly PlacedChip[] {
  const busiest = new Set(
    model.threads
      .toSorted((a, b) => b.edge.signals.requestsPerSecond - a.edge.signals.requestsPerSecond)
      .slice(0, BUSIEST_KEPT),
  );
  const wishes = model.threads.flatMap((thread) => {
    const chip = chipText(thread, state.labels);
    const curve = curves.get(thread.id);
    if (chip === undefined || curve === undefined) return [];
    const deviates = thread.status === "failing" || thread.status === "degraded";
    const rank = { failing: 3, degraded: 2 }[thread.status as string] ?? (chip.shield ? 1 : 0);
    return [
      {
        id: thread.id,
        thread,
        chip,
        curve,
        isKept: deviates || chip.isDenied || chip.shield !== undefined || busiest.has(thread),
        widthPx: chipWidthPx(chip),
        heightPx: CHIP_HEIGHT_PX,
        priority: thread.id === state.selected ? 4 : rank,
      },
    ];
  });
  const places = placeChips(wishes, [...rects.values()]);
  return wishes.flatMap(({ id, thread, chip, isKept }) => {
    const middle = places.get(id);
    return middle === undefined ? [] : [{ thread, chip, middle, isKept }];
  });
}

function boundsOf(rects: ReadonlyMap<string, Rect>): Rect | undefined {
  const all = [...rects.values()];
  if (all.length === 0) return undefined;
  const xPx = Math.min(...all.map((rect) => rect.xPx));
  const yPx = Math.min(...all.map((rect) => rect.yPx));
  return {
    xPx,
    yPx,
    widthPx: Math.max(...all.map((rect) => rect.xPx + rect.widthPx)) - xPx,
    heightPx: Math.max(...all.map((rect) => rect.yPx + rect.heightPx)) - yPx,
  };
}

/** What is drawn at which scale: all, no chips of quiet threads, heads only, names only. */
function zoomLevel(scale: number): "all" | "cards" | "head" | "far" {
  if (scale >= 0.9) return "all";
  if (scale >= 0.6) return "cards";
  return scale >= 0.35 ? "head" : "far";
}

const DOT_STEP_PX = 20;

/** The dotted ground moves and scales with the drawing, so that one feels where one is. */
function groundOf(camera: { scale: number; xPx: number; yPx: number }): CSSProperties {
  const stepPx = DOT_STEP_PX * camera.scale;
  return {
    backgroundSize: `${stepPx}px ${stepPx}px`,
    backgroundPosition: `${camera.xPx}px ${camera.yPx}px`,
    ["--scale" as string]: camera.scale,
  };
}
