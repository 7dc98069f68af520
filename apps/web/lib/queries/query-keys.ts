/** The names under which TanStack Query keeps answers; what a change event makes stale is found by its first word. */
export const queryKeys = {
  me: ["me"],
  workloads: ["workloads"],
  proxies: ["proxies"],
  canaries: ["canaries"],
  revisions: ["revisions"],
  revision: (revision: number) => ["revision", revision],
  restorePreview: (revision: number, newest: number) => ["restore-preview", revision, newest],
  graph: (windowMs: number, view: string) => ["graph", windowMs, view],
  series: (nodeIds: readonly string[], spanMs: number) => ["series", spanMs, ...nodeIds],
  effect: (serviceId: string, atMs: number) => ["effect", serviceId, atMs],
  trafficFeatures: ["traffic-features"],
  endpoints: (namespace: string, service: string) => ["endpoints", namespace, service],
  plaintextCallers: (windowMs: number) => ["plaintext-callers", windowMs],
} as const;
