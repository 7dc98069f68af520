"use client";
import type { Rect } from "@heddle/graph-layout";
import { select } from "d3-selection";
import { type D3ZoomEvent, type ZoomBehavior, zoom, zoomIdentity } from "d3-zoom";
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { type Camera, LEAST_SCALE, MOST_SCALE } from "./graph-state.ts";

const FIT_MARGIN_PX = 28;
/** A small mesh is drawn a little larger than life rather than lost in its canvas. */
const MOST_FIT_SCALE = 1.2;
const GLIDE_MS = 240;

/** A fit that would make the drawing smaller than this waits until it is asked for. */
const LEAST_OWN_SCALE = 0.6;

export type CameraControls = {
  readonly camera: Camera;
  /** The camera moves by itself: let it be seen to. */
  readonly isGliding: boolean;
  readonly zoomBy: (factor: number) => void;
  readonly fit: () => void;
  /** Looks at a point of the drawing, at the scale there is. */
  readonly lookAt: (xPx: number, yPx: number) => void;
  /** Moves just as much as is needed to bring a part of the drawing into sight. */
  readonly reveal: (rect: Rect) => void;
};

/**
 * Pan and zoom of the canvas. `focus` is what to look at where there is no room for all;
 * `occasion` changes when the camera should look after the selection. `onMoved` hears only
 * what people do; `undefined` says that everything is in sight by itself, and stays so.
 */
export function useCamera(
  canvas: RefObject<HTMLElement | null>,
  kept: Camera | undefined,
  bounds: Rect | undefined,
  focus: Rect | undefined,
  selection: Rect | undefined,
  occasion: string,
  onMoved: (camera: Camera | undefined) => void,
): CameraControls {
  const [camera, setCamera] = useState<Camera>(kept ?? { scale: 1, xPx: 0, yPx: 0 });
  const behavior = useRef<ZoomBehavior<HTMLElement, unknown>>(undefined);
  const latest = useRef({ onMoved, bounds, focus: selection ?? focus });
  latest.current = { onMoved, bounds, focus: selection ?? focus };

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    let before = zoomIdentity;
    const pan = zoom<HTMLElement, unknown>()
      .scaleExtent([LEAST_SCALE, MOST_SCALE])
      .clickDistance(4)
      .filter((event: Event) => isCameraGesture(event))
      .on("start", (event: D3ZoomEvent<HTMLElement, unknown>) => {
        before = event.transform;
      })
      .on("zoom", (event: D3ZoomEvent<HTMLElement, unknown>) =>
        setCamera({ scale: event.transform.k, xPx: event.transform.x, yPx: event.transform.y }),
      )
      .on("end", (event: D3ZoomEvent<HTMLElement, unknown>) => {
        const { k, x, y } = event.transform;
        const isByHand = event.sourceEvent !== null && event.sourceEvent !== undefined;
        const hasMoved = k !== before.k || x !== before.x || y !== before.y; // a click is no move
        if (isByHand && hasMoved) latest.current.onMoved({ scale: k, xPx: x, yPx: y });
      });
    behavior.current = pan;
    select(element).call(pan).on("dblclick.zoom", null);
    return () => {
      select(element).on(".zoom", null);
    };
  }, [canvas]);

  const show = useCallback(
    (next: Camera) => {
      if (canvas.current === null || behavior.current === undefined) return;
      const transform = zoomIdentity.translate(next.xPx, next.yPx).scale(next.scale);
      behavior.current.transform(select(canvas.current), transform);
    },
    [canvas],
  );

  const fit = useCallback(() => {
    const next = fitted(canvas.current, latest.current.bounds, latest.current.focus);
    if (next !== undefined) show(next);
  }, [canvas, show]);

  // Until somebody moves the camera it follows the drawing; from then on it is theirs.
  const boundsText = bounds && JSON.stringify(bounds);
  useEffect(() => {
    if (boundsText === undefined) return;
    if (kept === undefined) fit();
    else show(kept);
  }, [boundsText, fit, show]);

  // A panel that opens takes room, a link selects what is out of sight: what followed the drawing follows
  // on, unless that makes it too small; a camera set by hand moves only as far as it must.
  const [isGliding, setIsGliding] = useState(false);
  const follow = useRef(() => {});
  follow.current = () => {
    const fitting = fitted(canvas.current, bounds, selection ?? focus);
    const isOwn = kept === undefined && fitting !== undefined && fitting.scale >= LEAST_OWN_SCALE;
    const next = isOwn ? fitting : selection && revealing(canvas.current, camera, selection);
    if (next === undefined || isSameCamera(next, camera)) return;
    setIsGliding(true);
    show(next);
  };
  const hasBounds = bounds !== undefined;
  const lastOccasion = useRef<string>(undefined);
  useEffect(() => {
    if (!hasBounds) return undefined;
    const isFirst = lastOccasion.current === undefined;
    if (lastOccasion.current === occasion) return undefined;
    lastOccasion.current = occasion;
    if (!isFirst) follow.current();
    const timer = setTimeout(() => setIsGliding(false), GLIDE_MS);
    return () => clearTimeout(timer);
  }, [occasion, hasBounds]);
  return {
    camera,
    isGliding,
    fit: () => {
      fit();
      onMoved(undefined);
    },
    zoomBy: (factor) => {
      const next = scaledAround(canvas.current, camera, factor);
      if (next === undefined) return;
      show(next);
      onMoved(next);
    },
    lookAt: (xPx, yPx) => {
      const next = centered(canvas.current, camera.scale, xPx, yPx);
      if (next === undefined) return;
      show(next);
      onMoved(next);
    },
    reveal: (rect) => {
      const next = revealing(canvas.current, camera, rect);
      if (next !== undefined) show(next);
    },
  };
}

/** A mouse drags cards by their own handler, a finger pans from anywhere; tools over the canvas are not the canvas. */
function isCameraGesture(event: Event): boolean {
  if (!(event.target instanceof Element) || event.type === "wheel") return event.type === "wheel";
  if (event.target.closest("[data-tools]") !== null) return false;
  if (event.type.startsWith("touch")) return true;
  if (event instanceof MouseEvent && event.button !== 0) return false;
  return event.target.closest("[data-not-canvas]") === null;
}

/** On a phone all of a mesh is too small to read: there the camera looks at what matters, at this scale. */
const PHONE_WIDTH_PX = 720;
const PHONE_SCALE = 0.9;

function fitted(
  element: HTMLElement | null,
  bounds: Rect | undefined,
  focus: Rect | undefined,
): Camera | undefined {
  if (element === null || bounds === undefined) return undefined;
  const { clientWidth: widthPx, clientHeight: heightPx } = element;
  const fitting = Math.min(
    MOST_FIT_SCALE,
    (widthPx - 2 * FIT_MARGIN_PX) / bounds.widthPx,
    (heightPx - 2 * FIT_MARGIN_PX) / bounds.heightPx,
  );
  const isPhone = widthPx < PHONE_WIDTH_PX && fitting < PHONE_SCALE && focus !== undefined;
  const { xPx, yPx, widthPx: wide, heightPx: high } = isPhone ? focus : bounds;
  const scale = isPhone ? PHONE_SCALE : Math.max(LEAST_SCALE, fitting);
  const roomPx = (lengthPx: number) => (lengthPx / 2 - FIT_MARGIN_PX) / scale;
  return centered(
    element,
    scale,
    inside(xPx + wide / 2, bounds.xPx, bounds.widthPx, roomPx(widthPx)),
    inside(yPx + high / 2, bounds.yPx, bounds.heightPx, roomPx(heightPx)),
  );
}

/** Nearest to `wish` that shows no empty ground beyond the drawing; the drawing's middle where all of it fits. */
function inside(wishPx: number, fromPx: number, lengthPx: number, roomPx: number): number {
  if (lengthPx <= 2 * roomPx) return fromPx + lengthPx / 2;
  return Math.min(Math.max(wishPx, fromPx + roomPx), fromPx + lengthPx - roomPx);
}

function isSameCamera(a: Camera, b: Camera): boolean {
  return a.scale === b.scale && a.xPx === b.xPx && a.yPx === b.yPx;
}

function centered(
  element: HTMLElement | null,
  scale: number,
  xPx: number,
  yPx: number,
): Camera | undefined {
  if (element === null) return undefined;
  return {
    scale,
    xPx: Math.round(element.clientWidth / 2 - xPx * scale),
    yPx: Math.round(element.clientHeight / 2 - yPx * scale),
  };
}

function scaledAround(
  element: HTMLElement | null,
  camera: Camera,
  factor: number,
): Camera | undefined {
  if (element === null) return undefined;
  const scale = Math.min(Math.max(camera.scale * factor, LEAST_SCALE), MOST_SCALE);
  const xPx = (element.clientWidth / 2 - camera.xPx) / camera.scale;
  const yPx = (element.clientHeight / 2 - camera.yPx) / camera.scale;
  return centered(element, scale, xPx, yPx);
}

function revealing(element: HTMLElement | null, camera: Camera, rect: Rect): Camera | undefined {
  if (element === null) return undefined;
  const shift = (fromPx: number, lengthPx: number, roomPx: number) => {
    if (fromPx < FIT_MARGIN_PX) return FIT_MARGIN_PX - fromPx;
    return Math.min(0, roomPx - FIT_MARGIN_PX - fromPx - lengthPx);
  };
  const byX = shift(
    rect.xPx * camera.scale + camera.xPx,
    rect.widthPx * camera.scale,
    element.clientWidth,
  );
  const byY = shift(
    rect.yPx * camera.scale + camera.yPx,
    rect.heightPx * camera.scale,
    element.clientHeight,
  );
  if (byX === 0 && byY === 0) return undefined;
  return { scale: camera.scale, xPx: camera.xPx + byX, yPx: camera.yPx + byY };
}
