import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, read } from "./documents.ts";

const TO = "route: [{destination: {host: a}}]";
const http = (route: string) => `{hosts: [a], http: [{${route}}]}`;
const routeOf = (route: string) => read("VirtualService", http(route)).resource.routes[0];

const reads: Record<string, { route: string; field: string; value: unknown }> = {
  "a match of every kind": {
    route: `match: [{name: m, uri: {regex: '/a.*'}, scheme: {exact: https}, method: {regex: 'GET|PUT'}, authority: {prefix: a.}, headers: {X-User: {}, b: {regex: '*'}, c: {exact: ''}}, withoutHeaders: {d: {prefix: x}}, queryParams: {q: {}, r: {exact: ''}}, ignoreUriCase: true, port: 80, sourceLabels: {app: web}, sourceNamespace: bank}], ${TO}`,
    field: "matches",
    value: [
      {
        name: "m",
        uri: { kind: "regex", value: "/a.*" },
        ignoreUriCase: true,
        scheme: { kind: "exact", value: "https" },
        method: { kind: "regex", value: "GET|PUT" },
        authority: { kind: "prefix", value: "a." },
        headers: {
          b: { kind: "present" },
          c: { kind: "exact", value: "" },
          "x-user": { kind: "present" },
        },
        withoutHeaders: { d: { kind: "prefix", value: "x" } },
        queryParams: { q: { kind: "present" }, r: { kind: "exact", value: "" } },
        port: 80,
        source: { namespaces: ["bank"], labels: { app: "web" } },
      },
    ],
  },
  "a port of 0 as none": { route: `match: [{port: 0}], ${TO}`, field: "matches", value: [{}] },
  "a match for gateways and mesh without looking at the source": {
    route: `match: [{gateways: [gw, mesh], sourceLabels: {a: b}}], ${TO}`,
    field: "matches",
    value: [{}],
  },
  "retries without conditions with the default's, guarded": {
    route: `retries: {attempts: 3, perTryTimeout: 2s}, ${TO}`,
    field: "retries",
    value: {
      attempts: 3,
      conditions: [
        "connect-failure",
        "refused-stream",
        "unavailable",
        "cancelled",
        "retriable-status-codes",
      ],
      statusCodes: [],
      perTryTimeoutMs: 2000,
      backoffBaseMs: 25,
      avoidsPrevious: true,
      leavesLocality: false,
      idempotentOnly: true,
    },
  },
  "retries on status codes without the guard": {
    route: `retries: {attempts: 1, retryOn: "503,reset", backoff: 10ms, retryIgnorePreviousHosts: false, retryRemoteLocalities: true}, ${TO}`,
    field: "retries",
    value: {
      attempts: 1,
      conditions: ["reset", "retriable-status-codes"],
      statusCodes: [503],
      backoffBaseMs: 10,
      avoidsPrevious: false,
      leavesLocality: true,
      idempotentOnly: false,
    },
  },
  "faults with their shares": {
    route: `fault: {delay: {percentage: {value: 12.5}, fixedDelay: 1m1s}, abort: {percentage: {value: 0.01}, grpcStatus: UNAVAILABLE}}, ${TO}`,
    field: "fault",
    value: {
      delay: { delayMs: 61_000, ratio: 0.125 },
      abort: { ratio: 0.0001, grpcStatus: 14 },
      scope: "request",
    },
  },
  "a fault without percentage as none (Istio's default)": {
    route: `fault: {abort: {httpStatus: 500}}, ${TO}`,
    field: "fault",
    value: { abort: { ratio: 0, httpStatus: 500 }, scope: "request" },
  },
  "the old percent of a delay": {
    route: `fault: {delay: {percent: 20, fixedDelay: 1s}}, ${TO}`,
    field: "fault",
    value: { delay: { delayMs: 1000, ratio: 0.2 }, scope: "request" },
  },
  "a mirror without percentage as all": {
    route: `mirror: {host: b, subset: v2, port: {number: 81}}, ${TO}`,
    field: "mirrors",
    value: [
      {
        destination: {
          host: "b.shop.svc.cluster.local",
          service: { namespace: "shop", name: "b" },
          subset: "v2",
          port: 81,
        },
        ratio: 1,
        marksHost: true,
      },
    ],
  },
  "a mirror of 0 % as none": {
    route: `mirror: {host: b}, mirrorPercentage: {value: 0}, ${TO}`,
    field: "mirrors",
    value: undefined,
  },
  "a redirect": {
    route:
      "match: [{uri: {prefix: /old}}], redirect: {prefixRewrite: /new, scheme: https, derivePort: FROM_REQUEST_PORT, redirectCode: 308}",
    field: "redirect",
    value: { prefixRewrite: "/new", scheme: "https", port: "FROM_REQUEST_PORT", status: 308 },
  },
  "a redirect code that does not redirect as an answer of 500": {
    route: "redirect: {uri: /x, redirectCode: 304}",
    field: "directResponse",
    value: {
      status: 500,
      body: {
        text: "This route redirects with a code that is no redirect; use 301, 302, 303, 307 or 308.\n",
      },
    },
  },
  "a direct response": {
    route: "directResponse: {status: 418, body: {bytes: aGk=}}",
    field: "directResponse",
    value: { status: 418, body: { base64: "aGk=" } },
  },
  "host among the request's headers as the authority": {
    route: `headers: {request: {set: {":authority": b.example, X-A: "%REQ(x-b)%"}, remove: [Cookie]}}, ${TO}`,
    field: "rewrite",
    value: { authority: "b.example" },
  },
  "header operations in lower case": {
    route: `headers: {request: {set: {Host: b.example, X-A: "%REQ(x-b)%"}, remove: [Cookie]}, response: {add: {a: "50%%"}}}, ${TO}`,
    field: "headers",
    value: {
      request: { set: { "x-a": "%REQ(x-b)%" }, remove: ["cookie"] },
      response: { add: { a: "50%%" } },
    },
  },
  "any origin written as an exact star": {
    route: `corsPolicy: {allowOrigin: ["*"], allowMethods: [GET], maxAge: 24h, unmatchedPreflights: IGNORE}, ${TO}`,
    field: "cors",
    value: {
      allowOrigins: [{ kind: "present" }],
      allowMethods: ["GET"],
      allowHeaders: [],
      exposeHeaders: [],
      maxAgeSeconds: 86_400,
      unmatchedPreflights: "IGNORE",
    },
  },
  "a delegate in the rule's own namespace": {
    route: "delegate: {name: other}",
    field: "delegate",
    value: { namespace: "shop", name: "other" },
  },
};
for (const [what, { route, field, value }] of Object.entries(reads)) {
  test(`reads ${what}`, () => {
    assert.deepEqual(routeOf(route)?.[field as "matches"], value);
  });
}

const refused: Record<string, { spec: string; fault: RegExp }> = {
  "no route at all": {
    spec: "{hosts: [a]}",
    fault: /spec\.http: .*http, tcp or tls must be provided/,
  },
  "the host *": {
    spec: `{hosts: ["*"], http: [{${TO}}]}`,
    fault: /wildcard host \* is not allowed/,
  },
  "a claim among headers": {
    spec: http(`match: [{headers: {"@request.auth.claims.sub": {exact: x}}}], ${TO}`),
    fault: /only supported for gateway/,
  },
  "a header match that is null": {
    spec: http(`match: [{headers: {a: null}}], ${TO}`),
    fault: /spec\.http\[0\]\.match\[0\]\.headers\.a/,
  },
  "an empty prefix of a method": {
    spec: http(`match: [{method: {prefix: ""}}], ${TO}`),
    fault: /method\.prefix: .*prefix string match should not be empty/,
  },
  "two kinds of one match": {
    spec: http(`match: [{uri: {exact: /a, prefix: /b}}], ${TO}`),
    fault: /expected one of exact, prefix and regex/,
  },
  "an expression of 1025 characters": {
    spec: http(`match: [{uri: {regex: "${"a".repeat(1025)}"}}], ${TO}`),
    fault: /1024/,
  },
  "route and redirect": {
    spec: http(`redirect: {uri: /x}, ${TO}`),
    fault: /cannot contain both route and redirect/,
  },
  "fault and direct response": {
    spec: http("directResponse: {status: 200}, fault: {abort: {httpStatus: 500}}"),
    fault: /both fault and direct_response/,
  },
  "a delegate beside a route": {
    spec: http(`delegate: {name: x}, ${TO}`),
    fault: /must not specify route/,
  },
  "a delegate of a delegate": {
    spec: "{http: [{delegate: {name: x}}]}",
    fault: /delegate HTTP route cannot contain delegate/,
  },
  "gateways of a delegate": {
    spec: `{gateways: [gw], http: [{${TO}}]}`,
    fault: /delegate virtual service must have no gateways/,
  },
  "mirror and mirrors": {
    spec: http(`mirror: {host: b}, mirrors: [{destination: {host: c}}], ${TO}`),
    fault: /both mirror and mirrors/,
  },
  "a mirror of more than all": {
    spec: http(`mirror: {host: b}, mirrorPercentage: {value: 101}, ${TO}`),
    fault: /mirrorPercentage\.value: Invalid value: 101; .*\[0\.0001, 100\]/,
  },
  "a timeout below a millisecond": {
    spec: http(`timeout: 900us, ${TO}`),
    fault: /Invalid value: "900us"; must be a valid duration greater than 1ms/,
  },
  "a timeout of 1.5 ms": {
    spec: http(`timeout: 1500us, ${TO}`),
    fault: /only durations to ms precision are supported/,
  },
  "a retryOn with a blank": {
    spec: http(`retries: {attempts: 1, retryOn: "503, reset"}, ${TO}`),
    fault: /" reset" is not a valid retryOn policy; take out the blanks/,
  },
  "a status nobody knows in retryOn": {
    spec: http(`retries: {attempts: 1, retryOn: "599"}, ${TO}`),
    fault: /"599" is not a valid retryOn policy/,
  },
  "a gRPC status by number": {
    spec: http(`fault: {abort: {grpcStatus: "14"}}, ${TO}`),
    fault: /gRPC status is not supported; expected a name in capitals/,
  },
  "an exponential delay": {
    spec: http(`fault: {delay: {exponentialDelay: 1s}}, ${TO}`),
    fault: /exponentialDelay not supported yet/,
  },
  "a share of a fault below Envoy's": {
    spec: http(`fault: {abort: {httpStatus: 500, percentage: {value: 0.00001}}}, ${TO}`),
    fault: /neither 0 nor in range/,
  },
  "a direct response of 600": {
    spec: http("directResponse: {status: 600}"),
    fault: /HTTP status is not in range 200-599/,
  },
  "a rewrite without content": { spec: http(`rewrite: {}, ${TO}`), fault: /at least one of URI/ },
  "a rewrite to a group that is not there": {
    spec: http(`rewrite: {uriRegexRewrite: {match: "/a", rewrite: "/\\\\2"}}, ${TO}`),
    fault: /uriRegexRewrite/,
  },
  "an authority set twice": {
    spec: http(`rewrite: {authority: x}, headers: {request: {set: {host: y}}}, ${TO}`),
    fault: /authority header cannot be set multiple times/,
  },
  "a pseudo-header of a response": {
    spec: http(`headers: {response: {set: {":status": "200"}}}, ${TO}`),
    fault: /header cannot have internal headers/,
  },
  "a framing header": {
    spec: http(`headers: {request: {set: {Content-Length: "1"}}}, ${TO}`),
    fault: /belong to the proxy/,
  },
  "a percent sign alone in a header": {
    spec: http(`headers: {request: {set: {a: "50%"}}}, ${TO}`),
    fault: /invalid header configuration/,
  },
  "a CORS age in milliseconds": {
    spec: http(`corsPolicy: {maxAge: 1500ms}, ${TO}`),
    fault: /accurate only to seconds precision/,
  },
  "the destination *": {
    spec: "{hosts: [a], http: [{route: [{destination: {host: '*'}}]}]}",
    fault: /invalid destination host \*/,
  },
  "a TLS route without match": {
    spec: "{hosts: [a.example], tls: [{route: [{destination: {host: a}}]}]}",
    fault: /spec\.tls\[0\]\.match: Required value/,
  },
  "an SNI outside the hosts": {
    spec: "{hosts: [a.example], tls: [{match: [{sniHosts: [b.example]}], route: [{destination: {host: a}}]}]}",
    fault: /not a compatible subset of any of the virtual service hosts/,
  },
  "a subnet that is none": {
    spec: "{hosts: [a], tcp: [{match: [{destinationSubnets: [10.0.0.0/33]}], route: [{destination: {host: a}}]}]}",
    fault: /expected an IP address or CIDR/,
  },
  "exportTo everybody and somebody": {
    spec: `{hosts: [a], exportTo: ["*", bank], http: [{${TO}}]}`,
    fault: /cannot have both public \(\*\) and non-public exportTo/,
  },
  "exportTo twice its own namespace": {
    spec: `{hosts: [a], exportTo: [., shop], http: [{${TO}}]}`,
    fault: /duplicate entries in exportTo: \. and current namespace shop/,
  },
};
for (const [what, { spec, fault }] of Object.entries(refused)) {
  test(`refuses ${what}`, () => {
    assert.match(faultsOf("VirtualService", spec).join("\n"), fault);
  });
}

const warned: Record<string, { spec: string; warning: RegExp }> = {
  "retries without attempts": {
    spec: http(`retries: {}, ${TO}`),
    warning: /^spec\.http\[0\]\.retries: attempts is not given/,
  },
  "a fault without percentage": {
    spec: http(`fault: {abort: {httpStatus: 500}}, ${TO}`),
    warning: /^spec\.http\[0\]\.fault\.abort: percentage is not given, which means 0 %/,
  },
  "a mirror without percentage": {
    spec: http(`mirror: {host: b}, ${TO}`),
    warning: /^spec\.http\[0\]\.mirror: mirrorPercentage is not given, which means 100 %/,
  },
  "a fault that retries do not see": {
    spec: http(`timeout: 1s, fault: {abort: {httpStatus: 500, percentage: {value: 1}}}, ${TO}`),
    warning: /fault\.scope upstream/,
  },
  "a try longer than the whole": {
    spec: http(`timeout: 1s, retries: {attempts: 1, perTryTimeout: 2s}, ${TO}`),
    warning: /perTryTimeout: is longer than the route's timeout 1s/,
  },
  "a redirect code that does not redirect": {
    spec: http("redirect: {uri: /x, redirectCode: 300}"),
    warning: /redirectCode 300 is taken by Istio and then leaves the route without any action/,
  },
  "a destination without weight among others": {
    spec: "{hosts: [a], http: [{route: [{destination: {host: a}, weight: 1}, {destination: {host: b}}]}]}",
    warning: /^spec\.http\[0\]\.route\[1\]: has no weight/,
  },
  "a rule for gateways alone": {
    spec: `{hosts: [a], gateways: [gw], http: [{${TO}}]}`,
    warning: /kept and routes nothing/,
  },
  "a match for gateways alone": {
    spec: http(`match: [{gateways: [gw]}], ${TO}`),
    warning: /^spec\.http\[0\]\.match\[0\]: is for gateways alone/,
  },
  "pseudo-header names among headers": {
    spec: http(`match: [{headers: {uri: {exact: /a}}}], ${TO}`),
    warning: /headers\.uri: is ignored, as in Istio/,
  },
  "a stat prefix": {
    spec: http(`match: [{statPrefix: x}], ${TO}`),
    warning: /statPrefix: has no effect/,
  },
  "a route that an earlier one hides": {
    spec: `{hosts: [a], http: [{match: [{uri: {prefix: /}}], ${TO}}, {match: [{uri: {exact: /b}}], ${TO}}]}`,
    warning: /^spec\.http\[0\]: matches every request; the routes after it never apply/,
  },
  "a match that an earlier route has": {
    spec: `{hosts: [a], http: [{match: [{uri: {exact: /b}}], ${TO}}, {match: [{name: x, uri: {exact: /b}}], ${TO}}]}`,
    warning: /^spec\.http\[1\]: virtualService rule not used/,
  },
};
for (const [what, { spec, warning }] of Object.entries(warned)) {
  test(`takes ${what}, and warns`, () => {
    const { warnings } = read("VirtualService", spec);
    assert.ok(
      warnings.some((one) => warning.test(one)),
      JSON.stringify(warnings),
    );
  });
}

test("routes for gateways alone are left out, and the others keep their place", () => {
  const { resource } = read(
    "VirtualService",
    `{hosts: [a], http: [{match: [{gateways: [gw]}], ${TO}}, {name: b, ${TO}}]}`,
  );
  assert.deepEqual(
    resource.routes.map(({ index, name }) => [index, name]),
    [[1, "b"]],
  );
});

test("the authority of one of several destinations stays with that destination", () => {
  const { resource } = read(
    "VirtualService",
    "{hosts: [a], http: [{route: [{destination: {host: a}, weight: 1, headers: {request: {set: {host: x.example}}}}, {destination: {host: b}, weight: 1}]}]}",
  );
  const [route] = resource.routes;
  assert.equal(route?.rewrite, undefined);
  assert.deepEqual(route?.destinations[0]?.headers, { request: { set: { host: "x.example" } } });
});

test("hosts mean services by their form, once each, and stay names where they mean none", () => {
  const { resource } = read(
    "VirtualService",
    `{hosts: [a, a.shop, API.example.com., "*.shop.svc.cluster.local", 10.0.0.1], exportTo: [., bank], http: [{${TO}}]}`,
  );
  assert.deepEqual(
    resource.hosts.map(({ host, service }) => [host, `${service.namespace}/${service.name}`]),
    [
      ["a.shop.svc.cluster.local", "shop/a"],
      ["api.example.com", "/api.example.com"],
      ["*.shop.svc.cluster.local", "/*.shop.svc.cluster.local"],
      ["10.0.0.1", "/10.0.0.1"],
    ],
  );
  assert.deepEqual(resource.visibleTo, ["shop", "bank"]);
});

test("tcp and tls routes are read with their matches", () => {
  const { resource } = read(
    "VirtualService",
    "{hosts: ['*.example.com'], tls: [{match: [{sniHosts: [A.example.com], port: 443}], route: [{destination: {host: a, port: {number: 443}}}]}], tcp: [{match: [{destinationSubnets: [10.0.0.0/8], sourceLabels: {app: web}}], route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 3}]}]}",
  );
  assert.deepEqual(resource.tlsRoutes[0]?.matches, [{ sniHosts: ["a.example.com"], port: 443 }]);
  assert.deepEqual(resource.tcpRoutes[0]?.matches, [
    { destinationSubnets: ["10.0.0.0/8"], source: { labels: { app: "web" } } },
  ]);
  assert.deepEqual(
    resource.tcpRoutes[0]?.destinations.map(({ weight }) => weight),
    [1, 3],
  );
});
