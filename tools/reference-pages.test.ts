import assert from "node:assert/strict";
import { test } from "node:test";
import { findUpstream } from "../apps/web/lib/gateway/upstream.ts";
import { findStalePages, readDocuments } from "./reference-pages.ts";

// The console answers these in its own way.
const OWN = /^\/api\/v1\/(log(in|out)|setup)/;

test("docs/cli.md, api.md and errors.md are up to date (node tools/reference-pages.ts writes them)", async () => {
  assert.deepEqual(await findStalePages(), []);
});

test("the console forwards every address that is described to the server that describes it", async () => {
  const url = new URL("http://127.0.0.1");
  const config = { controlPlaneUrls: [url], collectorUrl: url, trustedProxies: 0 };
  for (const { name, document } of await readDocuments()) {
    for (const path of Object.keys(document.paths)) {
      if (!path.startsWith("/api/v1/") || OWN.test(path)) continue;
      assert.equal(
        findUpstream(path, config)?.name,
        name,
        `${path}: apps/web/lib/gateway/upstream.ts`,
      );
    }
  }
});
