import assert from "node:assert/strict";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { CallOptions } from "../../harness/send-request.ts";

/** One match, the requests it takes in (to v2) and those it leaves (to v1). */
type MatchRow = {
  readonly field: string;
  readonly title: string;
  readonly match: string;
  readonly takes: readonly CallOptions[];
  readonly leaves: readonly CallOptions[];
};

const path = (...paths: string[]): CallOptions[] => paths.map((one) => ({ path: one }));
const header = (name: string, ...values: (string | undefined)[]): CallOptions[] =>
  values.map((value) => ({ headers: value === undefined ? {} : { [name]: value } }));
const method = (...methods: string[]): CallOptions[] => methods.map((one) => ({ method: one }));

const MATCHES: readonly MatchRow[] = [
  {
    field: "uri.exact",
    title: "takes the whole path, without the query, case and all",
    match: "uri: {exact: /Login}",
    takes: path("/Login", "/Login?next=/a"),
    leaves: path("/login", "/Login/", "/Login/x"),
  },
  {
    field: "uri.prefix",
    title: "is a plain prefix of the string: /foo takes /foobar in, too",
    match: "uri: {prefix: /foo}",
    takes: path("/foo", "/foobar", "/foo/x?y=/bar"),
    leaves: path("/fo", "/Foo", "/a/foo"),
  },
  {
    field: "uri.regex",
    title: "is RE2 over the whole path, the query left out",
    match: 'uri: {regex: "/item/[0-9]+"}',
    takes: path("/item/42", "/item/42?x=1"),
    leaves: path("/item/42/x", "/a/item/42", "/item/x"),
  },
  {
    field: "ignoreUriCase",
    title: "holds for exact and prefix",
    match: "uri: {prefix: /Shop}, ignoreUriCase: true",
    takes: path("/shop", "/SHOP/x"),
    leaves: path("/sho"),
  },
  {
    field: "scheme.exact",
    title: "is the scheme of the request",
    match: "scheme: {exact: http}",
    takes: path("/"),
    leaves: [],
  },
  {
    field: "scheme.prefix",
    title: "is a prefix of the scheme",
    match: "scheme: {prefix: https}",
    takes: [],
    leaves: path("/"),
  },
  {
    field: "scheme.regex",
    title: "takes the whole scheme",
    match: 'scheme: {regex: "htt."}',
    takes: path("/"),
    leaves: [],
  },
  {
    field: "method.exact",
    title: "is case-sensitive",
    match: "method: {exact: PUT}",
    takes: method("PUT"),
    leaves: method("POST", "GET"),
  },
  {
    field: "method.prefix",
    title: "takes methods that begin so",
    match: "method: {prefix: P}",
    takes: method("PUT", "POST"),
    leaves: method("GET"),
  },
  {
    field: "method.regex",
    title: "takes the whole method",
    match: 'method: {regex: "P(UT|OST)"}',
    takes: method("PUT", "POST"),
    leaves: method("PATCH", "GET"),
  },
  {
    field: "headers.*.exact",
    title: "compares the value, case and all",
    match: "headers: {x-user: {exact: jason}}",
    takes: header("x-user", "jason"),
    leaves: header("x-user", "Jason", "jasons", undefined),
  },
  {
    field: "headers.*.prefix",
    title: "compares the value's beginning",
    match: "headers: {x-user: {prefix: ja}}",
    takes: header("x-user", "jason", "ja"),
    leaves: header("x-user", "Jason", "aja", undefined),
  },
  {
    field: "headers.*.regex",
    title: "takes the whole value",
    match: 'headers: {x-user: {regex: "j.*n"}}',
    takes: header("x-user", "jason", "jn"),
    leaves: header("x-user", "jasons", undefined),
  },
  {
    field: "headers",
    title: "tests mere presence with {} or regex *, all names have to be there",
    match: 'headers: {x-user: {}, x-beta: {regex: "*"}}',
    takes: [{ headers: { "x-user": "", "x-beta": "no" } }],
    leaves: [...header("x-user", "a", undefined), ...header("x-beta", "a")],
  },
  {
    field: "withoutHeaders.*.exact",
    title: "takes requests that do not have this value",
    match: "withoutHeaders: {x-user: {exact: jason}}",
    takes: header("x-user", "Jason", undefined),
    leaves: header("x-user", "jason"),
  },
  {
    field: "withoutHeaders.*.prefix",
    title: "takes requests whose value does not begin so",
    match: "withoutHeaders: {x-user: {prefix: ja}}",
    takes: header("x-user", "Jason", undefined),
    leaves: header("x-user", "jason"),
  },
  {
    field: "withoutHeaders.*.regex",
    title: "takes a missing header for an empty one",
    match: 'withoutHeaders: {x-user: {regex: "|j.*"}}',
    takes: header("x-user", "a"),
    leaves: header("x-user", "jason", undefined),
  },
  {
    field: "withoutHeaders",
    title: "takes requests without the header at all with {}",
    match: "withoutHeaders: {x-user: {}}",
    takes: header("x-user", undefined),
    leaves: header("x-user", "jason", ""),
  },
  {
    field: "queryParams.*.exact",
    title: "compares a parameter's first value; the empty string is a key alone",
    match: 'queryParams: {v: {exact: "2"}, flag: {exact: ""}}',
    takes: path("/?v=2&flag", "/?flag=&v=2&v=3"),
    leaves: path("/?v=3&flag", "/?v=2", "/"),
  },
  {
    field: "queryParams.*.prefix",
    title: "compares a parameter's beginning",
    match: "queryParams: {v: {prefix: be}}",
    takes: path("/?v=beta", "/?a=1&v=be"),
    leaves: path("/?v=alpha", "/?vv=beta", "/"),
  },
  {
    field: "queryParams.*.regex",
    title: "takes the whole parameter",
    match: 'queryParams: {v: {regex: "[0-9]+"}}',
    takes: path("/?v=12"),
    leaves: path("/?v=12a", "/?v="),
  },
  {
    field: "sourceLabels",
    title: "is decided by the caller's labels",
    match: "sourceLabels: {tier: app}",
    takes: [{ from: "mobile" }],
    leaves: [{ from: "front" }, { from: "teller", host: "NAME.shop" }],
  },
  {
    field: "sourceNamespace",
    title: "is decided by the caller's namespace",
    match: "sourceNamespace: bank",
    takes: [{ from: "teller", host: "NAME.shop" }],
    leaves: [{ from: "front" }],
  },
  {
    field: "gateways",
    title: "never applies without mesh, and leaves the other conditions of its entry unasked",
    match: "gateways: [edge], uri: {prefix: /}",
    takes: [],
    leaves: path("/"),
  },
];

async function expectVersion(mesh: CaseMesh, options: CallOptions, version: string) {
  const host = options.host?.replace("NAME", mesh.id);
  const answer = await mesh.call({ ...options, ...(host === undefined ? {} : { host }) });
  assert.equal(
    answer.app,
    `reviews-${version}`,
    `${JSON.stringify(options)}: ${answer.status} ${answer.text}`,
  );
}

const rows = MATCHES.map(({ field, title, match, takes, leaves }) =>
  proof("VirtualService", `http[].match[].${field}`, title, async (mesh) => {
    await mesh.routes(`match: [{${match}}], V2`, "V1");
    for (const options of takes) await expectVersion(mesh, options, "v2");
    for (const options of leaves) await expectVersion(mesh, options, "v1");
  }),
);

export const matchCases: readonly ConformanceCase[] = [
  ...rows,
  ...(["exact: HOST", "prefix: NAME", 'regex: "NAME.*"'] as const).map((condition) =>
    proof(
      "VirtualService",
      `http[].match[].authority.${condition.split(":")[0]}`,
      "compares the Host as it was sent",
      async (mesh) => {
        await mesh.routes(`match: [{authority: {${condition}}}], V2`, "V1");
        await expectVersion(mesh, {}, "v2");
        await mesh.routes("match: [{authority: {exact: other}}], V2", "V1");
        await expectVersion(mesh, {}, "v1");
      },
    ),
  ),
  proof(
    "VirtualService",
    "http[].match[].port",
    "is decided by the port that was asked for",
    async (mesh) => {
      await mesh.applyOne(
        "Service",
        "selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: http}, {name: more, port: 81, targetPort: http}]",
      );
      const to = (subset: string) => `route: [{destination: {host: HOST, subset: ${subset}}}]`;
      await mesh.routes(`match: [{port: 81}], ${to("v2")}`, to("v1"));
      await expectVersion(mesh, { host: "NAME:81" }, "v2");
      await expectVersion(mesh, { host: "NAME:80" }, "v1");
      await expectVersion(mesh, {}, "v1");
    },
  ),
  proof(
    "VirtualService",
    "http[].match",
    "ANDs the conditions of an entry, ORs the entries, and the first route that matches wins",
    async (mesh) => {
      await mesh.routes(
        "match: [{uri: {prefix: /a}, method: {exact: POST}}, {headers: {x-beta: {exact: '1'}}}], V2",
        "match: [{uri: {prefix: /}}], V1",
        "match: [{uri: {exact: /never}}], V3",
      );
      await expectVersion(mesh, { path: "/a", method: "POST" }, "v2");
      await expectVersion(mesh, { path: "/a" }, "v1");
      await expectVersion(mesh, { headers: { "x-beta": "1" } }, "v2");
      await expectVersion(mesh, { path: "/never" }, "v1");
    },
  ),
  proof(
    "VirtualService",
    "http[].match[].name http[].name",
    "names a route: a failure says route.match",
    async (mesh) => {
      await mesh.routes(
        "name: main, match: [{name: checked, uri: {prefix: /}}], directResponse: {status: 503}",
      );
      const answer = await mesh.call();
      assert.equal(answer.status, 503);
    },
  ),
  proof(
    "VirtualService",
    "http",
    "answers 404 with flag NR when no route matches",
    async (mesh) => {
      await mesh.routes("match: [{uri: {exact: /only}}], ROUTE");
      const answer = await mesh.call("/other");
      assert.equal(answer.status, 404);
      assert.equal(answer.headers["x-heddle-flags"], "NR");
      assert.match(answer.headers["x-heddle-origin"] ?? "", /^outbound-proxy/);
    },
  ),
  proof(
    "VirtualService",
    "http[].match[].uri",
    "refuses a regular expression that RE2 does not know",
    async (mesh) => {
      const spec = 'hosts: [HOST], http: [{match: [{uri: {regex: "a(?=b)"}}], ROUTE}]';
      await mesh.refused("VirtualService", spec, /http.*uri.*regex/s);
    },
  ),
];
