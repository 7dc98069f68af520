import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { startAdminServer } from "../src/admin/admin-server.ts";
import { withoutSecrets } from "../src/control/without-secrets.ts";
import { send } from "./data-path-kit.ts";

test("the configuration is shown without filters' settings and the values of headers", () => {
  const resources = [
    {
      kind: "workload",
      externalAuthorizers: [{ name: "ext", addedHeaders: { "x-api-key": "s3cret" } }],
      requestAuthentication: [
        {
          rules: [
            {
              issuer: "https://issuer.test",
              jwks: '{"keys":[{"kty":"oct","kid":"hs","k":"s3cret"}]}',
            },
          ],
        },
      ],
      filters: [{ name: "api-key", settings: { keys: ["s3cret"] }, budgetMs: 50 }],
      authorization: [
        {
          name: "keys",
          rules: [
            {
              when: [
                { key: "request.headers[x-key]", values: ["s3cret"], notValues: ["s3cret"] },
                { key: "source.namespace", values: ["shop"] },
              ],
            },
          ],
        },
      ],
    },
    {
      kind: "service",
      routes: [
        {
          matches: [
            {
              uri: { kind: "exact", value: "/a" },
              headers: { authorization: { kind: "exact", value: "s3cret" } },
              withoutHeaders: { cookie: { kind: "regex", value: "s3cret" } },
              queryParams: { token: { kind: "exact", value: "s3cret" } },
            },
          ],
          headers: { request: { set: { authorization: "s3cret" }, remove: ["x-a"] } },
          destinations: [{ weight: 1, headers: { response: { add: { "set-cookie": "s3cret" } } } }],
        },
      ],
    },
  ];
  const shown = JSON.stringify(withoutSecrets(resources));
  assert.doesNotMatch(shown, /s3cret/);
  for (const kept of [/"x-key"|x-key/, /"\/a"/, /"shop"/, /"authorization"/, /"x-a"/, /"exact"/]) {
    assert.match(shown, kept);
  }
});

test("a page that has its own name lead to loopback reads nothing of the admin port", async (t) => {
  const server = await startAdminServer(0, {
    registry: async () => new Registry(),
    notReady: () => [],
    concerns: () => ["shop/reviews: its certificate is late"],
    configDump: () => ({ mesh: "shape" }),
    stats: () => ({}),
  });
  t.after(() => server.close());
  const ask = (host: string) => send(server.port, { path: "/config_dump", host });
  for (const host of [
    "localhost",
    `localhost:${server.port}`,
    `127.0.0.1:${server.port}`,
    "[::1]:1",
  ]) {
    assert.equal((await ask(host)).status, 200, host);
  }
  for (const host of ["evil.example", `evil.example:${server.port}`, "localhost.evil.example"]) {
    const { status, body } = await ask(host);
    assert.equal(status, 421, host);
    assert.doesNotMatch(body.toString(), /shape/);
  }
});
