import { choice, type FormGroup, labels, names, number, rare, text } from "./form-description.ts";

/** ServiceEntry and WorkloadEntry: what cannot register itself. */

const ENDPOINT_LABELS = labels(["labels"], "Labels", "none");
const ENDPOINT_PORTS = labels(["ports"], "Ports by name", "the service's");

export const SERVICE_ENTRY: readonly FormGroup[] = [
  {
    title: "Service",
    path: ["spec"],
    fields: [
      names(["hosts"], "Hosts", "api.example.com"),
      choice(["location"], "Where", "outside the mesh", ["MESH_EXTERNAL", "MESH_INTERNAL"]),
      choice(["resolution"], "Endpoints by", "NONE: the caller's own address", [
        "DNS",
        "STATIC",
        "NONE",
        "DNS_ROUND_ROBIN",
        "DYNAMIC_DNS",
      ]),
      rare(names(["addresses"], "Addresses", "none")),
      rare(labels(["workloadSelector", "labels"], "Served by workloads with", "endpoints below")),
      rare(names(["subjectAltNames"], "Certificate must name", "the host")),
      rare(names(["exportTo"], "Seen in namespaces", "all")),
    ],
  },
  {
    title: "Port",
    path: ["spec", "ports"],
    repeats: { as: "list", nameAt: ["name"] },
    fresh: { name: "https", number: 443, protocol: "TLS" },
    fields: [
      text(["name"], "Name", "https"),
      number(["number"], "Number", "443"),
      choice(["protocol"], "Speaks", "found out", [
        "HTTP",
        "HTTP2",
        "GRPC",
        "HTTPS",
        "TLS",
        "TCP",
        "MONGO",
      ]),
      rare(number(["targetPort"], "At port", "the same")),
    ],
  },
  {
    title: "Endpoint",
    words: "None: the hosts are looked up.",
    path: ["spec", "endpoints"],
    repeats: { as: "list", nameAt: ["address"] },
    fresh: { address: "10.0.0.17" },
    fields: [
      text(["address"], "Address", "10.0.0.17"),
      ENDPOINT_PORTS,
      ENDPOINT_LABELS,
      rare(text(["locality"], "Locality", "none")),
      rare(number(["weight"], "Weight", "1")),
    ],
  },
];

export const WORKLOAD_ENTRY: readonly FormGroup[] = [
  {
    title: "Endpoint",
    path: ["spec"],
    fields: [
      text(["address"], "Address", "10.0.0.17"),
      ENDPOINT_PORTS,
      ENDPOINT_LABELS,
      rare(text(["locality"], "Locality", "none")),
      rare(number(["weight"], "Weight", "1")),
    ],
  },
];
