/** How far back denials are counted; `value` in ms. Spans, which tell why, are kept a day. */
export const DENIAL_WINDOWS = [
  { value: "300000", label: "5\u00a0min" },
  { value: "3600000", label: "1\u00a0h" },
  { value: "86400000", label: "24\u00a0h" },
] as const;

/** The window an address names, else an hour. */
export function denialWindowOf(value: string | undefined): (typeof DENIAL_WINDOWS)[number] {
  return DENIAL_WINDOWS.find((one) => one.value === value) ?? DENIAL_WINDOWS[1];
}
