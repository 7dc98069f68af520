/** One thing looked at. `advice`: what to do; only where something is to be done. */
export type Finding = {
  readonly state: "ok" | "warn" | "fail";
  readonly what: string;
  readonly advice?: string;
};
