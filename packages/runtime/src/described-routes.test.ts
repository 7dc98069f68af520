import assert from "node:assert/strict";
import { test } from "node:test";
import { Hono } from "hono";
import { z } from "zod";
import { DescribedRoutes, methodsOf, requireDescribed } from "./described-routes.ts";

const Query = z.object({ limit: z.string() });
const Other = z.object({ limit: z.string() });

test("a handler that reads by another schema than its description's fails, not its caller", async () => {
  const routes = new DescribedRoutes<object, { query?: typeof Query }>(new Hono())
    .get("/good", { query: Query }, (context) => {
      requireDescribed(context, "query", Query);
      return context.text("ok");
    })
    .get("/bad", { query: Query }, (context) => {
      requireDescribed(context, "query", Other);
      return context.text("ok");
    });
  routes.app.onError((error, context) => context.text(error.message, 500));
  assert.equal((await routes.app.request("/good")).status, 200);
  const bad = await routes.app.request("/bad");
  assert.equal(await bad.text(), "/bad: its query is read by a schema it is not described with");
});

test("who is not admitted does not reach the handler", async () => {
  const admit = () => {
    throw new Error("no");
  };
  const routes = new DescribedRoutes(new Hono(), admit).delete("/x", {}, () => {
    throw new Error("reached");
  });
  routes.app.onError((error, context) => context.text(error.message, 403));
  assert.equal(await (await routes.app.request("/x", { method: "DELETE" })).text(), "no");
});

test("the methods of an address are those of all routes whose pattern it fits", () => {
  const operations = [
    { method: "PUT", path: "/mtls/:namespace/:workload" },
    { method: "GET", path: "/mtls/guards/:id" },
    { method: "GET", path: "/mtls/ladder" },
  ];
  assert.deepEqual(methodsOf(operations, "/mtls/guards/7"), ["GET", "PUT"]);
  assert.deepEqual(methodsOf(operations, "/mtls/ladder"), ["GET"]);
  assert.deepEqual(methodsOf(operations, "/nothing"), []);
});
