/** How far back callers are looked for; `value` in ms. */
export const CALLER_WINDOWS = [
  { value: "300000", label: "5\u00a0min" },
  { value: "3600000", label: "1\u00a0h" },
  { value: "21600000", label: "6\u00a0h" },
  { value: "86400000", label: "24\u00a0h" },
  { value: "604800000", label: "7\u00a0d" },
] as const;
export type CallerWindow = (typeof CALLER_WINDOWS)[number];

/** The window an address names, else a day. */
export function callerWindowOf(value: string | undefined): CallerWindow {
  return CALLER_WINDOWS.find((one) => one.value === value) ?? CALLER_WINDOWS[3];
}
