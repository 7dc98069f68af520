"use client";
import { type RefObject, useEffect, useRef, useState } from "react";

export type ElementSize = { readonly widthPx: number; readonly heightPx: number };

/** The element's inner size as it changes; `undefined` until it has been measured. */
export function useElementSize<E extends Element>(): readonly [
  RefObject<E | null>,
  ElementSize | undefined,
] {
  const ref = useRef<E>(null);
  const [size, setSize] = useState<ElementSize>();
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      setSize({ widthPx: entry.contentRect.width, heightPx: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, size];
}
