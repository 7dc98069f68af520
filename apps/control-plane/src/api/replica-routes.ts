import { ReplicasResponse } from "@heddle/contracts";
import packageJson from "../../package.json" with { type: "json" };
import { describeSkew } from "../stream/version-skew.ts";
import { ApiRoutes } from "./api-routes.ts";
import type { ApiParts } from "./parts.ts";

/** `GET /replicas`: the control planes over this database. */
export function replicaRoutes({ replicas, hub, mesh }: ApiParts) {
  return new ApiRoutes().get(
    "/replicas",
    {
      summary: "List the control planes over this database",
      role: "viewer",
      answer: ReplicasResponse,
    },
    (context) => {
      const answer: ReplicasResponse = {
        replicas: replicas.known.map((replica) => {
          const isAnswering = replica.id === replicas.id;
          const { duties, apiUrl: _, usesVersion: __, ...known } = replica;
          const now = isAnswering
            ? {
                proxiesConnected: hub.size,
                revision: mesh.snapshot.revision,
                duties: replicas.singletons.held,
              }
            : { duties: [...duties] };
          const skew = describeSkew(known.version, packageJson.version, "the one that answers");
          const versionSkew = skew === undefined ? {} : { versionSkew: skew };
          return { ...known, ...versionSkew, ...now, isAnswering };
        }),
      };
      return context.json(answer);
    },
  );
}
