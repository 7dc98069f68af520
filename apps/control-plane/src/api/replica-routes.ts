import type { ReplicasResponse } from "@heddle/contracts";
import { Hono } from "hono";
import type { ApiEnv, ApiParts } from "./parts.ts";

/** `GET /replicas`: the control planes over this database. */
export function replicaRoutes({ replicas, hub, mesh }: ApiParts) {
  return new Hono<ApiEnv>().get("/replicas", (context) => {
    const answer: ReplicasResponse = {
      replicas: replicas.known.map((replica) => {
        const isAnswering = replica.id === replicas.id;
        const { duties, ...known } = replica;
        const now = isAnswering
          ? {
              proxiesConnected: hub.size,
              revision: mesh.snapshot.revision,
              duties: replicas.singletons.held,
            }
          : { duties: [...duties] };
        return { ...known, ...now, isAnswering };
      }),
    };
    return context.json(answer);
  });
}
