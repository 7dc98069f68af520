/** Moments as a field of type `datetime-local` holds them, in UTC to the second. */

/** `2026-11-20T14:20:05`. */
export function momentText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19);
}

/** `undefined`: no moment that has been. Seconds may be left out. */
export function parseMoment(text: string, nowMs: number): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?$/.test(text)) return undefined;
  const atMs = Date.parse(`${text}Z`);
  if (Number.isNaN(atMs) || atMs > nowMs) return undefined;
  return momentText(atMs).startsWith(text.slice(0, 16)) ? atMs : undefined; // 31 February is none
}

/** The moment an address names, `?at=1795291563000`; `undefined`: none, or none that can be. */
export function readMoment(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
