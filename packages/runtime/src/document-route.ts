import { createHash } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { DescribedRoutes } from "./described-routes.ts";

const DESCRIPTION = {
  summary: "Describe every route",
  description: "OpenAPI 3.1, made of the schemas that validate.",
  role: "anyone",
  answer: z.looseObject({ openapi: z.literal("3.1.0") }),
} as const;
type Description = typeof DESCRIPTION & { readonly query?: z.ZodObject };

/**
 * `GET /api/openapi.json`, without a login: what is described is in the open anyhow. `makeDocument` is called once,
 * at the first request, when every route is known.
 */
export function documentRoute(makeDocument: () => object) {
  let made: { readonly text: string; readonly etag: string } | undefined;
  const document = () => {
    if (made) return made;
    const text = JSON.stringify(makeDocument());
    made = { text, etag: `"${createHash("sha256").update(text).digest("base64url")}"` };
    return made;
  };
  return new DescribedRoutes<object, Description>(new Hono()).get(
    "/api/openapi.json",
    DESCRIPTION,
    (context) => {
      const { text, etag } = document();
      const headers = { etag, "cache-control": "no-cache" };
      if (context.req.header("if-none-match") === etag) return context.body(null, 304, headers);
      return context.body(text, 200, { ...headers, "content-type": "application/json" });
    },
  );
}
