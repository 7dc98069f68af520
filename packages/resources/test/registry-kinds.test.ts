import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceKindName } from "../src/index.ts";
import { faultsOf, read } from "./documents.ts";

const refused: [kind: ResourceKindName, what: string, spec: string, fault: RegExp][] = [
  [
    "ServiceEntry",
    "a STATIC endpoint by name",
    "{hosts: [a.example], resolution: STATIC, endpoints: [{address: b.example}]}",
    /not a valid IP address/,
  ],
  [
    "ServiceEntry",
    "an endpoint's port that the entry lacks",
    "{hosts: [a.example], resolution: STATIC, ports: [{number: 80, name: http}], endpoints: [{address: 10.0.0.1, ports: {https: 443}}]}",
    /endpoint port https is not defined by the service entry; its ports: http/,
  ],
  [
    "ServiceEntry",
    "several hosts on a TCP port",
    "{hosts: [a.example, b.example], resolution: DNS, ports: [{number: 80, name: t, protocol: TCP}]}",
    /multiple hosts provided with non-HTTP/,
  ],
  [
    "ServiceEntry",
    "DNS for a wildcard",
    '{hosts: ["*.example"], resolution: DNS}',
    /hosts must be FQDN if no endpoints are provided/,
  ],
  [
    "ServiceEntry",
    "a protocol nobody knows",
    "{hosts: [a.example], ports: [{number: 80, name: t, protocol: HTTPX}]}",
    /unsupported protocol; expected one of HTTP, /,
  ],
  [
    "ServiceEntry",
    "nobody and somebody",
    "{hosts: [a.example], exportTo: ['~', shop]}",
    /cannot export service entry to no one/,
  ],
  ["Sidecar", "nothing at all", "{}", /sidecar: empty configuration provided/],
  [
    "Sidecar",
    "a host without namespace",
    "{egress: [{hosts: [reviews]}]}",
    /host must be of form namespace\/dnsName/,
  ],
  [
    "Sidecar",
    "a catch-all that is not last",
    "{egress: [{hosts: [./*]}, {port: {number: 80}, hosts: [./*]}]}",
    /should be the last listener/,
  ],
  [
    "Sidecar",
    "a port twice",
    "{ingress: [{port: {number: 80}}, {port: {number: 80}}]}",
    /ports on IP bound listeners must be unique/,
  ],
  [
    "Sidecar",
    "an endpoint elsewhere",
    "{ingress: [{port: {number: 80}, defaultEndpoint: 10.0.0.1:80}]}",
    /defaultEndpoint must be of form/,
  ],
  [
    "WorkloadEntry",
    "an address that is no name",
    "{address: a_b}",
    /not a valid FQDN or an IP address/,
  ],
];
for (const [kind, what, spec, fault] of refused) {
  test(`refuses a ${kind} with ${what}`, () => {
    assert.match(faultsOf(kind, spec).join("\n"), fault);
  });
}

const warned: [kind: ResourceKindName, what: string, spec: string, warning: RegExp][] = [
  [
    "ServiceEntry",
    "a TCP port without address",
    "{hosts: [a.example], resolution: DNS, ports: [{number: 25, name: t, protocol: TCP}]}",
    /heddle run --outbound a\.example:25=PORT/,
  ],
  [
    "ServiceEntry",
    "a UDP port",
    "{hosts: [a.example], ports: [{number: 53, name: dns, protocol: UDP}]}",
    /Heddle carries no UDP/,
  ],
  [
    "ServiceEntry",
    "a selector for all",
    "{hosts: [a.example], resolution: STATIC, workloadSelector: {}}",
    /workload selector specified without labels/,
  ],
  [
    "Sidecar",
    "a policy without mode",
    "{outboundTrafficPolicy: {}}",
    /mode is not given, which means REGISTRY_ONLY/,
  ],
  [
    "Sidecar",
    "an ingress listener",
    "{ingress: [{port: {number: 80}}]}",
    /spec\.ingress: has no effect/,
  ],
  [
    "Service",
    "a port of unknown protocol",
    "{ports: [{port: 8080, name: web}]}",
    /protocol is not declared/,
  ],
  [
    "Service",
    "several ports without names",
    "{ports: [{port: 80}, {port: 81, name: http}]}",
    /^spec\.ports\[0\]: has no name/,
  ],
  [
    "Service",
    "a cluster's address",
    "{clusterIP: None, ports: [{port: 80, name: http}]}",
    /spec\.clusterIP: has no effect/,
  ],
  [
    "WorkloadEntry",
    "a socket",
    "{address: unix:///run/a.sock}",
    /an entry with a socket serves nothing/,
  ],
  [
    "WorkloadGroup",
    "a template",
    "{template: {serviceAccount: a}}",
    /spec\.template: has no effect/,
  ],
];
for (const [kind, what, spec, warning] of warned) {
  test(`takes a ${kind} with ${what}, and warns`, () => {
    const { warnings } = read(kind, spec);
    assert.ok(
      warnings.some((one) => warning.test(one)),
      JSON.stringify(warnings),
    );
  });
}

const portProtocols: [port: string, protocol: string][] = [
  ["{port: 80, name: http}", "http"],
  ["{port: 80, name: http-web}", "http"],
  ["{port: 80, name: grpc-orders}", "grpc"],
  ["{port: 80, name: grpc-web-orders}", "http"],
  ["{port: 80, name: http2-x}", "http2"],
  ["{port: 80, name: https}", "tls"],
  ["{port: 80, name: tls-x}", "tls"],
  ["{port: 80, name: mongo}", "tcp"],
  ["{port: 80, name: web}", "auto"],
  ["{port: 3306, name: db}", "tcp"],
  ["{port: 3306, name: http-db}", "http"],
  ["{port: 80, name: http, appProtocol: grpc}", "grpc"],
  ["{port: 80, name: http, appProtocol: kubernetes.io/h2c}", "http2"],
  ["{port: 80, appProtocol: mystery}", "auto"],
];
for (const [port, protocol] of portProtocols) {
  test(`a Service's port ${port} speaks ${protocol}`, () => {
    assert.equal(read("Service", `{ports: [${port}]}`).resource.ports[0]?.protocol, protocol);
  });
}

test("a ServiceEntry is read with its ports and endpoints", () => {
  const { resource } = read(
    "ServiceEntry",
    "{hosts: [a.example], addresses: [10.1.0.0/16], location: MESH_INTERNAL, resolution: STATIC, exportTo: ['~'], subjectAltNames: [spiffe://x/y], ports: [{number: 443, name: https, protocol: TLS, targetPort: 8443}], endpoints: [{address: 10.0.0.1, ports: {https: 9443}, locality: eu/a, weight: 3, labels: {v: b}}]}",
  );
  assert.deepEqual(resource, {
    kind: "ServiceEntry",
    namespace: "shop",
    name: "it",
    hosts: [{ host: "a.example", service: { namespace: "example", name: "a" } }],
    addresses: ["10.1.0.0/16"],
    ports: [{ number: 443, name: "https", protocol: "tls", targetPort: 8443 }],
    location: "MESH_INTERNAL",
    resolution: "STATIC",
    endpoints: [
      {
        address: "10.0.0.1",
        ports: { https: 9443 },
        labels: { v: "b" },
        locality: "eu/a",
        weight: 3,
        network: undefined,
        serviceAccount: undefined,
      },
    ],
    workloadSelector: undefined,
    visibleTo: [],
    subjectAltNames: ["spiffe://x/y"],
  });
});

test("a Sidecar's egress hosts are read with their namespaces", () => {
  const { resource } = read(
    "Sidecar",
    '{workloadSelector: {labels: {app: web}}, egress: [{hosts: ["./*", "bank/Api.example.com", "*/*.svc.cluster.local", "~/*", "~bank/*"]}]}',
  );
  assert.deepEqual(resource.workloadSelector, { app: "web" });
  assert.deepEqual(resource.egress?.[0]?.hosts, [
    { namespace: "shop", host: "*", isExcluded: false },
    { namespace: "bank", host: "api.example.com", isExcluded: false },
    { namespace: "*", host: "*.svc.cluster.local", isExcluded: false },
    { namespace: "~", host: "*", isExcluded: false },
    { namespace: "bank", host: "*", isExcluded: true },
  ]);
});
