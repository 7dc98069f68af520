import type { OperationDescription } from "@heddle/contracts";
import { DescribedRoutes } from "@heddle/runtime";
import { Hono } from "hono";
import type { ApiEnv } from "./parts.ts";

/** Routes under `/api/v1`: each stands with its description, which is its part of `/api/openapi.json`. */
export class ApiRoutes extends DescribedRoutes<ApiEnv, OperationDescription> {
  constructor() {
    super(new Hono<ApiEnv>());
  }
}
