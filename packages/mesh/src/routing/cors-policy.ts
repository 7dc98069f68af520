import type { StringMatch } from "./string-match.ts";

/** CorsPolicy. */
export type CorsPolicy = {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number | undefined;
  readonly allowCredentials?: boolean | undefined;
  /** What becomes of a preflight of another origin: passed on to the service (Istio's default) or answered. */
  readonly unmatchedPreflights: "FORWARD" | "IGNORE";
};
