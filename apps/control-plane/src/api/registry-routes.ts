import type { GoneInstancesResponse } from "@heddle/contracts";
import { Hono } from "hono";
import { describeGone } from "../registry/describe-instance.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";

/** The registry beside the workloads in it: who has left. */
export function registryRoutes({ registry }: ApiParts) {
  return new Hono<ApiEnv>().get("/registry/gone", (context) => {
    const answer: GoneInstancesResponse = { gone: registry.gone.all(Date.now()).map(describeGone) };
    return context.json(answer);
  });
}
