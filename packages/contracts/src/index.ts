export * from "./console-api/graph.ts";
export * from "./console-api/mesh-state.ts";
export * from "./control-stream/messages.ts";
export * from "./control-stream/resources.ts";
