import { GoneInstancesResponse } from "@heddle/contracts";
import { describeGone } from "../registry/describe-instance.ts";
import { ApiRoutes } from "./api-routes.ts";
import type { ApiParts } from "./parts.ts";

/** The registry beside the workloads in it: who has left. */
export function registryRoutes({ registry }: ApiParts) {
  return new ApiRoutes().get(
    "/registry/gone",
    {
      summary: "List the instances that have left, and why",
      role: "viewer",
      answer: GoneInstancesResponse,
    },
    (context) => {
      const answer: GoneInstancesResponse = {
        gone: registry.gone.all(Date.now()).map(describeGone),
      };
      return context.json(answer);
    },
  );
}
