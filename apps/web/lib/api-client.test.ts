import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { z } from "zod";
import { apiPath, getJson, postJson } from "./api-client.ts";
import { ApiError } from "./api-error.ts";

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

/** Stands where the browser's network is: the client is the only thing under test. */
function answerWith(response: () => Response | Promise<Response>): Request[] {
  const requests: Request[] = [];
  globalThis.fetch = async (input, init) => {
    assert.ok(typeof input === "string");
    requests.push(new Request(new URL(input, "http://console.test"), init));
    return response();
  };
  return requests;
}

const Answer = z.object({ revision: z.number() });

test("returns the answer once the contract has checked it", async () => {
  const requests = answerWith(() => Response.json({ revision: 3 }));
  assert.deepEqual(await postJson("/apply", { yaml: "a" }, Answer), { revision: 3 });
  assert.equal(requests[0]?.method, "POST");
  assert.equal(requests[0]?.headers.get("content-type"), "application/json");
});

test("turns a problem document into an error with its sentence, code and fields", async () => {
  answerWith(() =>
    Response.json(
      {
        type: "urn:heddle:error:bad-input",
        title: "Bad input",
        status: 400,
        detail: "canaryPercent is 130; allowed are 0 to 100.",
        code: "HEDDLE_BAD_INPUT",
        errors: [{ field: "canaryPercent", message: "at most 100" }],
      },
      { status: 400, headers: { "content-type": "application/problem+json" } },
    ),
  );
  await assert.rejects(getJson("/me", Answer), (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, 400);
    assert.equal(error.code, "HEDDLE_BAD_INPUT");
    assert.equal(error.message, "canaryPercent is 130; allowed are 0 to 100.");
    assert.deepEqual(error.fields, [{ field: "canaryPercent", message: "at most 100" }]);
    return true;
  });
});

test("says so when an answer has no problem document, another shape, or never comes", async () => {
  answerWith(() => new Response("<html>", { status: 502 }));
  await assert.rejects(getJson("/me", Answer), { name: "ApiError", status: 502 });
  answerWith(() => Response.json({ revision: "three" }));
  await assert.rejects(getJson("/me", Answer), { code: "HEDDLE_UNEXPECTED_ANSWER" });
  answerWith(() => Promise.reject(new TypeError("Failed to fetch")));
  await assert.rejects(getJson("/me", Answer), { code: "HEDDLE_CONSOLE_UNREACHABLE", status: 0 });
});

test("encodes each segment and leaves out what is undefined", () => {
  assert.equal(
    apiPath(["nodes", "workload/shop/reviews-v1", "series"], { fromMs: 1, toMs: undefined }),
    "/nodes/workload%2Fshop%2Freviews-v1/series?fromMs=1",
  );
});
