// Each of Istio's codes by a document of our own; Istio's own cases are in test/istio-analyze.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "./analyze.ts";
import { documentsOf, findingsOf, testCode } from "./code-cases.ts";
import type { ISTIO_CODES } from "./istio-codes.ts";

type IstioCode = keyof typeof ISTIO_CODES;
/** What it is told of, and the documents it is told in. */
type Case = readonly [about: string, text: string];

const route = documentsOf("networking.istio.io/v1", "VirtualService");
const rule = documentsOf("networking.istio.io/v1", "DestinationRule");
const entry = documentsOf("networking.istio.io/v1", "ServiceEntry");
const gateway = documentsOf("networking.istio.io/v1", "Gateway");
const sidecar = documentsOf("networking.istio.io/v1", "Sidecar");
const filter = documentsOf("networking.istio.io/v1alpha3", "EnvoyFilter");
const policy = documentsOf("security.istio.io/v1", "AuthorizationPolicy");
const telemetry = documentsOf("telemetry.istio.io/v1", "Telemetry");
const service = documentsOf("v1", "Service");
const pod = documentsOf("v1", "Pod");
const deployment = documentsOf("apps/v1", "Deployment");

/** Of a kind that is in no namespace. */
const wide = (kind: string, name: string, rest: string, metadata = "") =>
  `apiVersion: v1\nkind: ${kind}\nmetadata: {name: ${name}${metadata}}\n${rest}\n---\n`;
const space = (name: string, labels: string) =>
  wide("Namespace", name, "spec: {}", `, labels: {${labels}}`);

const TILL = service("till", "{ports: [{name: http, port: 80}], selector: {app: till}}");
const TILL_POD = pod(
  "till-1",
  "{containers: [{name: till, image: till}]}",
  ", labels: {app: till}",
);
const INJECTED = space("shop", "istio-injection: enabled");
const GATEWAY_POD = pod("edge", "{containers: [{name: istio-proxy}]}", ", labels: {istio: edge}");
const edge = (name: string, port: number, more = "") =>
  gateway(
    name,
    `{selector: {istio: edge}, servers: [{port: {number: ${port}, name: http, protocol: HTTP}, hosts: [a.example]${more}}]}`,
  );
const TO_TILL = "route: [{destination: {host: till}}]";
const template = (labels: string, containers: string, more = "") =>
  `{selector: {}, template: {metadata: {labels: {${labels}}}, spec: {${more}containers: [${containers}]}}}`;
const PROXY = "{name: istio-proxy, image: proxy}";
const webhook = (name: string, hooks: string) =>
  wide("MutatingWebhookConfiguration", name, `webhooks: [${hooks}]`);
const validator = (config: string) =>
  wide(
    "ValidatingWebhookConfiguration",
    "istio-validator-x",
    `webhooks: [{name: v, clientConfig: ${config}}]`,
  );
const patch = (operation: string, applyTo: string, more = "") =>
  `{configPatches: [{applyTo: ${applyTo}, patch: {operation: ${operation}, value: {name: a}}${more}}]}`;

const cases: Record<IstioCode, Case> = {
  IST0002: [
    "VirtualService shop/till",
    route(
      "till",
      `{hosts: [till], http: [{fault: {delay: {percent: 5, fixedDelay: 1s}}, ${TO_TILL}}]}`,
    ),
  ],
  IST0101: [
    "VirtualService shop/till",
    TILL + route("till", "{hosts: [till], http: [{route: [{destination: {host: tell}}]}]}"),
  ],
  IST0102: ["Namespace plain", space("plain", "")],
  IST0103: ["Pod shop/till-1", INJECTED + TILL_POD],
  IST0106: ["VirtualService shop/till", route("till", "{hosts: [till]}")],
  IST0107: [
    "Service shop/till",
    service("till", "{}", ", annotations: {sidecar.istio.io/logLevel: debug}"),
  ],
  IST0108: ["Service shop/till", service("till", "{}", ', annotations: {foo.istio.io/bar: "1"}')],
  IST0109: [
    "VirtualService shop/two",
    route("one", `{hosts: [till], http: [{${TO_TILL}}]}`) +
      route("two", `{hosts: [till.shop.svc.cluster.local], http: [{${TO_TILL}}]}`),
  ],
  IST0110: [
    "Sidecar shop/two",
    TILL_POD +
      sidecar("one", "{workloadSelector: {labels: {app: till}}}") +
      sidecar("two", "{workloadSelector: {labels: {app: till}}}"),
  ],
  IST0111: ["Sidecar shop/two", sidecar("one", "{}") + sidecar("two", "{}")],
  IST0112: [
    "VirtualService shop/till",
    service("till", "{ports: [{name: http, port: 80}, {name: http-b, port: 81}]}") +
      route("till", `{hosts: [till], http: [{${TO_TILL}}]}`),
  ],
  IST0116: [
    "Deployment shop/till",
    INJECTED +
      service("one", "{selector: {app: till}, ports: [{name: a, port: 53}]}") +
      service("two", "{selector: {app: till}, ports: [{name: b, port: 53, protocol: UDP}]}") +
      deployment("till", template("app: till", "{name: till}")),
  ],
  IST0118: ["Service shop/till", service("till", "{ports: [{name: till, port: 80}]}")],
  IST0123: ["Namespace both", space("both", "istio-injection: enabled, istio.io/rev: canary")],
  IST0125: [
    "Pod shop/till-1",
    pod("till-1", "{containers: []}", ', annotations: {status.sidecar.istio.io/port: "many"}'),
  ],
  IST0126: [
    "MeshNetworks networks",
    "kind: MeshNetworks\nmetadata: {name: networks}\nnetworks: {a: {endpoints: [{fromRegistry: nowhere}]}}\n---\n",
  ],
  IST0127: [
    "AuthorizationPolicy shop/p",
    TILL_POD + policy("p", "{selector: {matchLabels: {app: nobody}}, rules: [{}]}"),
  ],
  IST0128: [
    "DestinationRule shop/till",
    rule("till", "{host: till, trafficPolicy: {tls: {mode: SIMPLE}}}"),
  ],
  IST0129: [
    "DestinationRule shop/till",
    rule(
      "till",
      "{host: till, trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]}}",
    ),
  ],
  IST0130: [
    "VirtualService shop/till",
    route("till", `{hosts: [till], http: [{${TO_TILL}}, {${TO_TILL}}]}`),
  ],
  IST0131: [
    "VirtualService shop/till",
    route(
      "till",
      `{hosts: [till], http: [{match: [{uri: {prefix: /a}}], ${TO_TILL}}, {match: [{uri: {prefix: /ab}}], ${TO_TILL}}]}`,
    ),
  ],
  IST0132: [
    "VirtualService shop/till",
    GATEWAY_POD +
      edge("edge", 80) +
      route("till", `{hosts: [b.example], gateways: [edge], http: [{${TO_TILL}}]}`),
  ],
  IST0134: [
    "ServiceEntry shop/db",
    entry("db", "{hosts: [db.example], ports: [{number: 22, name: tcp, protocol: TCP}]}"),
  ],
  IST0135: [
    "Pod shop/till-1",
    pod("till-1", "{containers: []}", ', annotations: {sidecar.istio.io/inject: "false"}'),
  ],
  IST0137: [
    "Deployment shop/till",
    INJECTED +
      service("one", "{selector: {app: till}, ports: [{name: a, port: 80, targetPort: 8080}]}") +
      service("two", "{selector: {app: till}, ports: [{name: b, port: 81, targetPort: 8080}]}") +
      deployment("till", template("app: till", "{name: till}")),
  ],
  IST0138: [
    "Gateway shop/two",
    GATEWAY_POD +
      edge("one", 443, ", tls: {credentialName: c}") +
      edge("two", 444, ", tls: {credentialName: c}"),
  ],
  IST0139: [
    "MutatingWebhookConfiguration hooks",
    webhook(
      "hooks",
      "{name: a.istio.io, clientConfig: {service: {namespace: istio-system, name: gone}}}",
    ),
  ],
  IST0140: [
    "VirtualService shop/edge",
    route("till", "{hosts: [till], http: [{route: [{destination: {host: till, subset: v1}}]}]}") +
      route("edge", `{hosts: [a.example], gateways: [edge], http: [{${TO_TILL}}]}`),
  ],
  IST0144: [
    "Deployment shop/till",
    deployment("till", template("app: till", "{name: till, securityContext: {runAsUser: 1337}}")),
  ],
  IST0145: ["Gateway shop/two", GATEWAY_POD + edge("one", 80) + edge("two", 80)],
  IST0146: [
    "Deployment shop/till",
    deployment("till", template("app: till", "{name: istio-proxy, image: auto}")),
  ],
  IST0147: ["Pod shop/till-1", pod("till-1", "{containers: [{name: istio-proxy, image: auto}]}")],
  IST0148: [
    "Namespace plain",
    space("plain", "") +
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-sidecar-injector, namespace: istio-system}\ndata:\n  values: \'{"sidecarInjectorWebhook": {"enableNamespacesByDefault": true}}\'\n---\n',
  ],
  IST0149: [
    "VirtualService shop/till",
    GATEWAY_POD +
      edge("edge", 80) +
      route(
        "till",
        `{hosts: [a.example], gateways: [edge], http: [{match: [{headers: {"@request.auth.claims.sub": {exact: me}}}], ${TO_TILL}}]}`,
      ),
  ],
  IST0150: [
    "Service shop/till",
    service(
      "till",
      "{type: ExternalName, externalName: a.example, ports: [{name: tcp, port: 443}]}",
    ),
  ],
  IST0151: ["EnvoyFilter shop/f", filter("f", patch("INSERT_BEFORE", "HTTP_FILTER"))],
  IST0152: ["EnvoyFilter shop/f", filter("f", patch("REPLACE", "CLUSTER"))],
  IST0153: ["EnvoyFilter shop/f", filter("f", patch("ADD", "HTTP_ROUTE"))],
  IST0154: ["EnvoyFilter shop/f", filter("f", patch("REMOVE", "ROUTE_CONFIGURATION"))],
  IST0155: [
    "EnvoyFilter shop/g",
    filter(
      "f",
      patch("ADD", "HTTP_FILTER", ", match: {proxy: {proxyVersion: 1.2}}").replace("1.2", '"1.2"'),
    ) + filter("g", patch("INSERT_BEFORE", "HTTP_FILTER")),
  ],
  IST0157: ["Telemetry shop/logs", telemetry("logs", "{accessLogging: [{}]}")],
  IST0158: [
    "Namespace shop",
    INJECTED +
      pod("till-1", "{containers: [{name: istio-proxy, image: old}]}") +
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-sidecar-injector, namespace: istio-system}\ndata:\n  values: \'{"global": {"hub": "hub", "tag": "new", "proxy": {"image": "proxy"}}}\'\n---\n',
  ],
  IST0159: [
    "Telemetry shop/two",
    TILL_POD +
      telemetry("one", "{selector: {matchLabels: {app: till}}}") +
      telemetry("two", "{selector: {matchLabels: {app: till}}}"),
  ],
  IST0160: ["Telemetry shop/two", telemetry("one", "{}") + telemetry("two", "{}")],
  IST0161: [
    "Gateway shop/edge",
    GATEWAY_POD +
      "apiVersion: v1\nkind: Secret\nmetadata: {name: c, namespace: shop}\ndata: {tls.crt: bm90aGluZw==, tls.key: bm90aGluZw==}\n---\n" +
      edge("edge", 443, ", tls: {credentialName: c}"),
  ],
  IST0162: [
    "Gateway shop/edge",
    GATEWAY_POD +
      service("edge", "{selector: {istio: edge}, ports: [{port: 80, protocol: TCP}]}") +
      edge("edge", 8443),
  ],
  IST0163: ["ValidatingWebhookConfiguration istio-validator-x", validator("{}")],
  IST0164: [
    "ValidatingWebhookConfiguration istio-validator-x",
    validator('{url: "https://10.0.0.1:15017/validate"}'),
  ],
  IST0165: [
    "VirtualService shop/till",
    route(
      "till",
      `{hosts: [a.example], gateways: [edge~istio-autogenerated-k8s-gateway~http], http: [{${TO_TILL}}]}`,
    ),
  ],
  IST0166: [
    "AuthorizationPolicy shop/p",
    pod("edge", "{containers: []}", ", labels: {gateway.networking.k8s.io/gateway-name: edge}") +
      policy(
        "p",
        "{selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: edge}}, rules: [{}]}",
      ),
  ],
  IST0167: [
    "Sidecar shop/all",
    space("shop", "istio.io/dataplane-mode: ambient") + sidecar("all", "{}"),
  ],
  IST0171: [
    "Service shop/till",
    service("till", "{}").replace(
      "---",
      "status: {conditions: [{type: istio.io/WaypointBound, status: 'False', reason: No, message: none}]}\n---",
    ),
  ],
  IST0173: [
    "DestinationRule shop/till",
    TILL + TILL_POD + rule("till", "{host: till, subsets: [{name: v9, labels: {version: v9}}]}"),
  ],
  IST0174: ["DestinationRule shop/till", rule("till", "{host: till}")],
  IST0175: [
    "Deployment istio-system/istiod",
    documentsOf("security.istio.io/v1", "RequestAuthentication")("r", "{}") +
      documentsOf("apps/v1", "Deployment", "istio-system")(
        "istiod",
        template("app: istiod", PROXY),
        ", labels: {app: istiod}",
      ),
  ],
  IST0176: [
    "CustomResourceDefinition tlsroutes.gateway.networking.k8s.io",
    wide(
      "CustomResourceDefinition",
      "tlsroutes.gateway.networking.k8s.io",
      "spec: {}",
      ", annotations: {gateway.networking.k8s.io/bundle-version: v1.4.1}",
    ),
  ],
  IST0177: [
    "ServiceEntry shop/two",
    entry("one", "{hosts: [a.example], ports: [{number: 80, name: http, protocol: HTTP}]}") +
      entry("two", "{hosts: [a.example], ports: [{number: 80, name: tls, protocol: TLS}]}"),
  ],
};

for (const [code, [about, trap]] of Object.entries(cases)) testCode(code, { about, trap });

test("documents of Kubernetes' own namespaces are passed over", () => {
  const text = documentsOf("v1", "Service", "kube-system")("dns", "{ports: [{name: x, port: 99}]}");
  assert.deepEqual(findingsOf(text), []);
});

test("a thousand documents give the same findings in any order of files, in bounded time", () => {
  const texts = Array.from({ length: 500 }, (_, index) => {
    const name = `s${index}`;
    return (
      route(
        name,
        `{hosts: [${name}], http: [{route: [{destination: {host: ${name}, subset: v1}}]}]}`,
      ) + rule(name, `{host: ${name}, subsets: [{name: v2, labels: {version: v2}}]}`)
    );
  });
  const files = [0, 1, 2, 3, 4].map((part) => ({
    name: `${part}.yaml`,
    text: texts.slice(part * 100, part * 100 + 100).join(""),
  }));
  const once = analyze({ files, nowMs: 0 });
  assert.equal(once.documents, 1000);
  assert.equal(once.findings.filter(({ code }) => code === "IST0101").length, 500);
  assert.deepEqual(analyze({ files: files.toReversed(), nowMs: 0 }).findings, once.findings);
});
