import type { IncomingMessage, ServerResponse } from "node:http";
import type { TestContext } from "node:test";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  service,
  TestMesh,
} from "../data-path-kit.ts";
import { authorizationPolicy } from "./policies.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const sayOk: Handler = (_request, response) => response.end("ok");

/** Whom a request to `reviews` comes from: a sidecar's app, or somebody without one. */
export type Caller = "front" | "back" | "plaintext";

/** `reviews` behind its sidecar, with callers `front` and `back` behind theirs. */
export async function startReviews(t: TestContext, handler = sayOk) {
  const paths: (string | undefined)[] = [];
  const reviews = await app(t, (request, response) => {
    paths.push(request.url);
    handler(request, response);
  });
  const workload = await hosted("reviews", { appPort: reviews.port });
  const recorder = new MemoryRecorder();
  const listener = await inbound(t, workload, recorder);
  const names = { namespace: "shop", workload: "reviews", service: "reviews" };
  const identity = (await authority()).spiffeId(names);
  const callerOf = async (name: string) => {
    const mesh = new TestMesh();
    // What is sent on is to be judged where it arrives, not where it leaves.
    mesh.pathNormalization = "NONE";
    mesh.apply(service("reviews"), endpoints("reviews", [{ port: listener.port, identity }]));
    return (await outbound(t, await hosted(name), mesh, new MemoryRecorder())).port;
  };
  const ports = { front: await callerOf("front"), back: await callerOf("back") };
  return { workload, recorder, paths, ports: { ...ports, plaintext: listener.port } };
}

export const fromFront = { from: [{ principals: ["cluster.local/ns/shop/sa/front"] }] };
export const onlyGet = { to: [{ methods: ["GET"] }] };
export const allow = (...rules: Parameters<typeof authorizationPolicy>[1]) =>
  authorizationPolicy("ALLOW", rules);
export const deny = (...rules: Parameters<typeof authorizationPolicy>[1]) =>
  authorizationPolicy("DENY", rules);
