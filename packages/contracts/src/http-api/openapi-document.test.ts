import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { openApiDocument } from "./openapi-document.ts";
import type { Operation } from "./operation.ts";

const Part = z.object({ name: z.string(), weight: z.number().default(1) });
const ChangeRequest = z.object({ parts: z.array(Part) });
const ChangeResponse = z.object({ parts: z.array(Part) });
const change: Operation = {
  method: "PUT",
  path: "/api/v1/things/:id",
  description: {
    summary: "Change a thing",
    role: "operator",
    params: z.object({ id: z.uuid() }),
    query: z.object({ dryRun: z.stringbool().optional() }),
    body: ChangeRequest,
    answer: ChangeResponse,
    refusals: ["HEDDLE_REVISION_CONFLICT"],
  },
};
const about = { title: "t", version: "1" };
const named = { Part, ChangeRequest, ChangeResponse };

test("what comes in is closed, what goes out is open, and a shape that does both has two names", () => {
  const { schemas } = openApiDocument([change], named, about).components;
  assert.deepEqual(Object.keys(schemas), [
    "ChangeRequest",
    "ChangeResponse",
    "Part",
    "PartInput",
    "Problem",
  ]);
  assert.equal(schemas["PartInput"]?.["additionalProperties"], false);
  assert.equal(schemas["Part"]?.["additionalProperties"], undefined);
  assert.deepEqual(schemas["PartInput"]?.["required"], ["name"]);
  assert.deepEqual(schemas["Part"]?.["required"], ["name", "weight"]);
});

test("an operation tells its parameters, its role and every refusal by status", () => {
  const put = openApiDocument([change], named, about).paths["/api/v1/things/{id}"]?.["put"];
  const parameters = put?.["parameters"] as { name: string; in: string; required: boolean }[];
  assert.deepEqual(
    parameters.map((one) => [one.name, one.in, one.required]),
    [
      ["id", "path", true],
      ["dryRun", "query", false],
    ],
  );
  assert.equal(put?.["operationId"], "putThingsById");
  assert.equal(put?.["x-heddle-role"], "operator");
  const statuses = Object.keys(put?.["responses"] as object);
  assert.deepEqual(statuses, [
    "200",
    "400",
    "401",
    "403",
    "404",
    "409",
    "413",
    "415",
    "500",
    "503",
  ]);
});

test("a description that does not fit its path, and a route that is there twice, are refused", () => {
  const misnamed = { ...change, path: "/api/v1/things/:name" };
  assert.throws(() => openApiDocument([misnamed], named, about), /has no part id/);
  assert.throws(() => openApiDocument([change, change], named, about), /is described twice/);
});
