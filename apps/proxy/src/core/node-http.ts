/**
 * Node's own HTTP, for what is beside the data path. `import … from "node:http"` makes Node read every export
 * of the module, and three of them load undici and the web streams: 2 MiB that no sidecar uses (decision 149).
 */
export const {
  Agent: HttpAgent,
  createServer: createHttpServer,
  request: httpRequest,
} = process.getBuiltinModule("node:http");
