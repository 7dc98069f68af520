/** How far back plaintext callers are looked for; `value` in ms. */
export const CALLER_WINDOWS = [
  { value: "300000", label: "5\u202fmin" },
  { value: "3600000", label: "1\u202fh" },
  { value: "21600000", label: "6\u202fh" },
  { value: "86400000", label: "24\u202fh" },
] as const;
export type CallerWindow = (typeof CALLER_WINDOWS)[number];
