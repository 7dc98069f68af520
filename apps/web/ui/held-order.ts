"use client";
import { useRef, useState } from "react";

/** Put on what holds the rows: while the pointer or the focus is inside, nothing changes places. */
export interface Holder {
  readonly onPointerEnter: () => void;
  readonly onPointerLeave: () => void;
  readonly onFocus: () => void;
  readonly onBlur: () => void;
}

/**
 * A sorted list that keeps its order while one is inside it (or `isHeld`); newcomers follow at the end. `moved` says how
 * many rows would stand elsewhere.
 */
export function useHeldOrder<Item>(
  items: readonly Item[],
  idOf: (item: Item) => string,
  isHeld: boolean,
): { readonly shown: readonly Item[]; readonly moved: number; readonly holder: Holder } {
  const [isPointed, setIsPointed] = useState(false);
  const [isFocused, setIsFocused] = useState(false);
  const order = useRef<readonly string[]>(undefined);
  const holds = isHeld || isPointed || isFocused;
  const shown = holds && order.current !== undefined ? inOrder(items, idOf, order.current) : items;
  if (shown.length > 0) order.current = shown.map(idOf); // the order of nothing is not worth holding
  return {
    shown,
    moved: shown.filter((item, index) => item !== items[index]).length,
    holder: {
      onPointerEnter: () => setIsPointed(true),
      onPointerLeave: () => setIsPointed(false),
      onFocus: () => setIsFocused(true),
      onBlur: () => setIsFocused(false),
    },
  };
}

/** The items in an order they had before; those that order does not know follow in their own. */
export function inOrder<Item>(
  items: readonly Item[],
  idOf: (item: Item) => string,
  ids: readonly string[],
): Item[] {
  const place = new Map(ids.map((id, index) => [id, index]));
  const placeOf = (item: Item): number => place.get(idOf(item)) ?? ids.length;
  return [...items].sort((a, b) => placeOf(a) - placeOf(b)); // sorting is stable
}
