export type MarkerGroup<Item> = { readonly xPx: number; readonly items: readonly Item[] };

/** Markers nearer than their own width become one, at the place of its newest. `items` come newest first. */
export function groupMarkers<Item>(
  items: readonly Item[],
  toX: (item: Item) => number,
  widthPx: number,
): readonly MarkerGroup<Item>[] {
  const groups: { xPx: number; items: Item[] }[] = [];
  for (const item of items) {
    const xPx = toX(item);
    const newer = groups.at(-1);
    if (newer !== undefined && newer.xPx - xPx < widthPx) newer.items.push(item);
    else groups.push({ xPx, items: [item] });
  }
  return groups;
}
