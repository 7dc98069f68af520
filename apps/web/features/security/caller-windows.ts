/** How far back plaintext callers are looked for; `value` in ms. */
export const CALLER_WINDOWS = [
  { value: "300000", label: "5\u00a0min" },
  { value: "3600000", label: "1\u00a0h" },
  { value: "21600000", label: "6\u00a0h" },
  { value: "86400000", label: "24\u00a0h" },
] as const;
export type CallerWindow = (typeof CALLER_WINDOWS)[number];
