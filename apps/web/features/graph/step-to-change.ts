/** Where `[` and `]` lead: the change before or after the moment that is looked at; `undefined`: now. */
export function stepToChange(
  revisions: readonly { readonly createdAtMs: number }[] | undefined,
  fromMs: number | undefined,
  way: "before" | "after",
): number | undefined {
  const moments = (revisions ?? []).map(({ createdAtMs }) => createdAtMs).sort((a, b) => a - b);
  if (way === "after") {
    return fromMs === undefined ? undefined : moments.find((atMs) => atMs > fromMs);
  }
  const before = moments.findLast((atMs) => fromMs === undefined || atMs < fromMs);
  return before ?? fromMs;
}
