import assert from "node:assert/strict";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const VS = "VirtualService";

type RewriteRow = {
  readonly fields: string;
  readonly title: string;
  readonly route: string;
  /** The path asked for, and the one that reaches the app. */
  readonly expected: Readonly<Record<string, string>>;
};

const REWRITES: readonly RewriteRow[] = [
  {
    fields: "http[].rewrite.uri",
    title: "replaces only the prefix that matched, as a string, and keeps the query",
    route: "match: [{uri: {prefix: /foo}}], rewrite: {uri: /}",
    // Istio's app gets "//x": here the receiving sidecar merges slashes, unless the MeshConfig says BASE.
    expected: { "/foo/x?q=1": "/x?q=1", "/foobar": "/bar", "/foo": "/" },
  },
  {
    fields: "http[].rewrite.uri",
    title: "replaces the whole path where an exact path matched",
    route: "match: [{uri: {exact: /old}}], rewrite: {uri: /new}",
    expected: { "/old?q=1": "/new?q=1" },
  },
  {
    fields: "http[].rewrite.uriRegexRewrite.match http[].rewrite.uriRegexRewrite.rewrite",
    title: "replaces what RE2 finds in the path by text with groups",
    route: "rewrite: {uriRegexRewrite: {match: '^/user/([0-9]+)/(.*)$', rewrite: '/\\2/of/\\1'}}",
    expected: { "/user/7/name?u=/user/1/a": "/name/of/7?u=/user/1/a", "/other": "/other" },
  },
];

type HeaderRow = {
  readonly fields: string;
  readonly title: string;
  readonly headers: string;
  readonly sent?: Readonly<Record<string, string>>;
  /** What the app sees (request) or the caller (response); `undefined`: nothing of that name. */
  readonly expected: Readonly<Record<string, string | undefined>>;
};

const HEADERS: readonly HeaderRow[] = [
  {
    fields: "request.set",
    title: "overwrites a header or adds it",
    headers: "request: {set: {x-user: by-rule, x-new: one}}",
    sent: { "x-user": "me" },
    expected: { "x-user": "by-rule", "x-new": "one" },
  },
  {
    fields: "request.add",
    title: "appends to what is there",
    headers: "request: {add: {x-user: second}}",
    sent: { "x-user": "first" },
    expected: { "x-user": "first, second" },
  },
  {
    fields: "request.remove",
    title: "takes a header away before the app sees it, whatever its case",
    headers: "request: {remove: [x-token]}",
    sent: { "X-Token": "secret" },
    expected: { "x-token": undefined },
  },
  {
    fields: "request",
    title: "fills in format operators, and %% is a percent sign",
    headers: "request: {set: {x-path: '%REQ(:path)%', x-was: '%REQ(x-a)%', x-share: '5%%'}}",
    sent: { "x-a": "1" },
    expected: { "x-path": "/p?q", "x-was": "1", "x-share": "5%" },
  },
  {
    fields: "response.set",
    title: "overwrites a header of the answer or adds it",
    headers: "response: {set: {content-type: text/x-new, x-made-by: rule}}",
    expected: { "content-type": "text/x-new", "x-made-by": "rule" },
  },
  {
    fields: "response.add",
    title: "appends to what the app has answered",
    headers: "response: {add: {x-list: two}}",
    sent: { "x-do": "set=x-list:one" },
    expected: { "x-list": "one, two" },
  },
  {
    fields: "response.remove",
    title: "takes a header of the answer away",
    headers: "response: {remove: [x-secret]}",
    sent: { "x-do": "set=x-secret:s" },
    expected: { "x-secret": undefined },
  },
];

const headerRows = HEADERS.map(({ fields, title, headers, sent = {}, expected }) =>
  proof(VS, `http[].headers.${fields}`, title, async (mesh) => {
    await mesh.routes(`headers: {${headers}}, ROUTE`);
    const answer = await mesh.call({ path: "/p?q", headers: sent });
    const said = fields.startsWith("request") ? answer.seen.headers : answer.headers;
    for (const [name, value] of Object.entries(expected)) assert.equal(said[name], value, name);
  }),
);

export const changeCases: readonly ConformanceCase[] = [
  ...REWRITES.map(({ fields, title, route, expected }) =>
    proof(VS, fields, title, async (mesh) => {
      await mesh.routes(`${route}, ROUTE`, "ROUTE");
      for (const [asked, reached] of Object.entries(expected)) {
        const { url, headers } = (await mesh.call(asked)).seen;
        assert.equal(url, reached);
        if (asked !== reached) assert.equal(headers["x-envoy-original-path"], asked);
      }
    }),
  ),
  proof(VS, "http[].rewrite.authority", "is the Host that the app sees", async (mesh) => {
    await mesh.routes("rewrite: {authority: inner.example}, ROUTE");
    assert.equal((await mesh.call()).seen.headers["host"], "inner.example");
  }),
  proof(
    VS,
    "http[].headers",
    "takes host in request.set for a rewrite of the authority",
    async (mesh) => {
      await mesh.routes("headers: {request: {set: {host: inner.example}}}, ROUTE");
      assert.equal((await mesh.call()).seen.headers["host"], "inner.example");
    },
  ),
  proof(VS, "http[].headers", "refuses a framing header, by its name", async (mesh) => {
    const spec =
      "hosts: [HOST], http: [{headers: {request: {set: {transfer-encoding: chunked}}}, ROUTE}]";
    await mesh.refused(VS, spec, /transfer-encoding/);
  }),
  ...headerRows,
  proof(
    VS,
    "http[].route[].headers",
    "changes what goes to this destination alone; of several destinations before the route's own",
    async (mesh) => {
      await mesh.routes(
        "headers: {request: {add: {x-level: route}}}, route: [{destination: {host: HOST, subset: v1}, headers: {request: {add: {x-level: destination}}, response: {set: {x-version: v1}}}, weight: 1}, {destination: {host: HOST, subset: v2}, weight: 0}]",
      );
      const answer = await mesh.call();
      assert.equal(answer.seen.headers["x-level"], "destination, route");
      assert.equal(answer.headers["x-version"], "v1");
    },
  ),
];
