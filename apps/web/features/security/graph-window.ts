/** Over which the page's rates and mTLS shares are. */
export const GRAPH_WINDOW_MS = 30_000;
