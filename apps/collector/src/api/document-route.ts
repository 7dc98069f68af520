import { createHash } from "node:crypto";
import * as contracts from "@heddle/contracts";
import { DescribedRoutes } from "@heddle/runtime";
import { Hono } from "hono";
import { z } from "zod";
import packageJson from "../../package.json" with { type: "json" };

/** `GET /api/openapi.json`, without a login: what is described is in the open anyhow. Adds itself to `operations`. */
export function documentRoute(operations: contracts.Operation[]) {
  let made: { readonly text: string; readonly etag: string } | undefined;
  const document = () => {
    if (made) return made;
    const about = { title: "Heddle collector", version: packageJson.version };
    const text = JSON.stringify(contracts.openApiDocument(operations, contracts, about));
    made = { text, etag: `"${createHash("sha256").update(text).digest("base64url")}"` };
    return made;
  };
  const routes = new DescribedRoutes<object, contracts.OperationDescription>(new Hono()).get(
    "/api/openapi.json",
    {
      summary: "Describe every route",
      description: "OpenAPI 3.1, made of the schemas that validate.",
      role: "anyone",
      answer: z.looseObject({ openapi: z.literal("3.1.0") }),
    },
    (context) => {
      const { text, etag } = document();
      const headers = { etag, "cache-control": "no-cache" };
      if (context.req.header("if-none-match") === etag) return context.body(null, 304, headers);
      return context.body(text, 200, { ...headers, "content-type": "application/json" });
    },
  );
  operations.push(...routes.operations);
  return routes;
}
