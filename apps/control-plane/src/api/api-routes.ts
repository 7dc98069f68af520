import type { OperationDescription } from "@heddle/contracts";
import { allowsSomewhere } from "@heddle/mesh";
import { DescribedRoutes } from "@heddle/runtime";
import { Hono } from "hono";
import { ForbiddenError } from "./input.ts";
import type { ApiEnv } from "./parts.ts";

/**
 * Routes under `/api/v1`: each stands with its description, which is its part of `/api/openapi.json`. Whoever has
 * the described role nowhere does not reach the handler, which asks for it on the namespace.
 */
export class ApiRoutes extends DescribedRoutes<ApiEnv, OperationDescription> {
  constructor() {
    super(new Hono<ApiEnv>(), (context, { role }) => {
      if (role !== "operator" && role !== "admin") return;
      const principal = context.get("principal");
      if (allowsSomewhere(principal.grants, role)) return;
      throw new ForbiddenError(principal, role, context.req.param("namespace"));
    });
  }
}
