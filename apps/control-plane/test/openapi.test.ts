import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpenApiDocument, Problem } from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { runControlPlane, tokenFor } from "./running-control-plane.ts";

test("the document tells of every route, has an ETag, and every refusal is a problem", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const origin = `http://127.0.0.1:${plane.adminPort}`;
  const answer = await fetch(`${origin}/api/openapi.json`);
  const document = (await answer.json()) as OpenApiDocument;
  assert.equal(document.openapi, "3.1.0");
  const etag = answer.headers.get("etag") ?? "";
  const again = await fetch(`${origin}/api/openapi.json`, { headers: { "if-none-match": etag } });
  assert.equal(again.status, 304);
  const authorization = `Bearer ${await tokenFor("api", "admin")}`;
  const ask = async (method: string, path: string, more: RequestInit = {}) => {
    const headers = { authorization, ...(more.headers as Record<string, string>) };
    const response = await fetch(origin + path, { method, ...more, headers });
    const body = (await response.json()) as Problem;
    assert.equal(response.headers.get("content-type"), "application/problem+json", path);
    assert.deepEqual([body.status, typeof body.detail], [response.status, "string"]);
    return { response, body };
  };
  const put = await ask("PUT", "/api/v1/workloads");
  assert.deepEqual([put.response.status, put.response.headers.get("allow")], [405, "GET"]);
  assert.equal((await ask("GET", "/api/v1/nothing")).response.status, 404);
  const typo = await ask("GET", "/api/v1/revisions?limt=5");
  assert.match(typo.body.detail, /limt: unknown; allowed are limit, before, service/);
  const json = { "content-type": "application/json" };
  const field = { headers: json, body: '{"yaml": "", "dryrun": true}' };
  assert.match((await ask("POST", "/api/v1/apply", field)).body.detail, /dryrun: unknown/);
  const broken = await ask("POST", "/api/v1/apply", { headers: json, body: "{" });
  assert.equal(broken.body.detail, "body: is not JSON");
  const xml = { headers: { "content-type": "text/xml" }, body: "<a/>" };
  assert.equal((await ask("POST", "/api/v1/apply", xml)).body.status, 415);
});
