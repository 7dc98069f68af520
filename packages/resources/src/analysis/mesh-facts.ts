import type { MtlsMode } from "@heddle/mesh";
import { readSources } from "../read-sources.ts";
import { type AnalysisDocument, keyOf, toAnalysisDocument } from "./analysis-document.ts";
import { fieldsAt, fieldsOf, labelsAt, listAt, textAt } from "./fields.ts";
import { type HostIndex, indexHosts } from "./host-index.ts";
import { LabelIndex, push } from "./label-index.ts";

type Labels = Readonly<Record<string, string>>;

/** What is in the mesh besides its documents. Without it, Service and Pod documents stand for it. */
export type LiveRegistry = {
  readonly services: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly ports: readonly number[];
  }[];
  readonly workloads: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly labels: Labels;
    /** Endpoints registered now. */
    readonly endpoints: number;
  }[];
  /** Who sent plaintext to whom within the last hour; absent: not known. */
  readonly plaintextCallers?: readonly {
    readonly namespace: string;
    readonly workload: string;
    readonly address: string;
  }[];
};

/** Something that runs: a pod, the template of one, or a registered workload. */
export type RunningThing = {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  /** Has a sidecar, or is in ambient mode. */
  readonly isInMesh: boolean;
  readonly isAmbient: boolean;
  /** `undefined`: of the live registry. */
  readonly document: AnalysisDocument | undefined;
};

const AMBIENT = "ambient.istio.io/redirection";
const INJECT = "sidecar.istio.io/inject";

/** Where the gateway that every installation has would be: files seldom contain it. */
const INGRESS = `apiVersion: v1
kind: Pod
metadata: {name: istio-ingressgateway-dummypod, namespace: istio-system, labels: {istio: ingressgateway}}
spec: {containers: [{name: istio-proxy}]}
---
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  ports:
  - {name: http2, port: 80, protocol: TCP, targetPort: 80}
  - {name: https, port: 443, protocol: TCP, targetPort: 443}
  - {name: tcp, port: 31400, protocol: TCP, targetPort: 31400}
  - {name: tls, port: 15443, protocol: TCP, targetPort: 15443}
`;
const ingressDocuments = readSources(INGRESS).documents.flatMap(
  (source) =>
    toAnalysisDocument(source, { file: undefined, defaultNamespace: "", isSubject: false }) ?? [],
);

/** All that analyzers look things up in; each index is made once. */
export class MeshFacts {
  readonly registry: LiveRegistry | undefined;
  readonly nowMs: number;
  readonly rootNamespace: string;
  readonly hosts: HostIndex;
  /** Pods and registered workloads, the ingress gateway's too. */
  readonly running: LabelIndex<RunningThing>;
  /** Whether anything says which hosts exist: without, none is told to be missing. */
  readonly knowsHosts: boolean;
  /** The same of workloads. */
  readonly knowsWorkloads: boolean;
  readonly #byType = new Map<string, AnalysisDocument[]>();
  readonly #byKey = new Map<string, AnalysisDocument>();
  readonly #peerAuthentications = new Map<string, AnalysisDocument[]>();

  constructor(
    documents: readonly AnalysisDocument[],
    { registry, nowMs }: { registry: LiveRegistry | undefined; nowMs: number },
  ) {
    this.registry = registry;
    this.nowMs = nowMs;
    for (const document of documents) {
      push(this.#byType, document.type, document);
      this.#byKey.set(`${document.type} ${keyOf(document)}`, document);
    }
    for (const policy of this.of("PeerAuthentication")) {
      push(this.#peerAuthentications, policy.namespace, policy);
    }
    const [meshConfig] = this.of("MeshConfig");
    this.rootNamespace = textAt(meshConfig?.spec, "rootNamespace") || "istio-system";
    this.hosts = indexHosts(this.of("ServiceEntry"), this.of("Service"), registry?.services ?? []);
    this.knowsHosts = registry !== undefined || !this.hosts.isEmpty;
    this.knowsWorkloads = registry !== undefined || this.of("Pod").length > 0;
    const pods = [...this.of("Pod"), ...this.#ingress("Pod")];
    this.running = new LabelIndex([
      ...pods.map((pod) => this.#toRunning(pod)),
      ...(registry?.workloads ?? []).map((one) => ({
        ...{ namespace: one.namespace, name: one.name, labels: one.labels },
        ...{ isInMesh: true, isAmbient: false, document: undefined },
      })),
    ]);
  }

  of(type: string): readonly AnalysisDocument[] {
    return this.#byType.get(type) ?? [];
  }

  /** Services, and the one of the ingress gateway that files seldom contain. */
  get services(): readonly AnalysisDocument[] {
    return [...this.of("Service"), ...this.#ingress("Service")];
  }

  find(type: string, namespace: string, name: string): AnalysisDocument | undefined {
    return this.#byKey.get(`${type} ${keyOf({ namespace, name })}`);
  }

  /** `name` or `namespace/name`, seen from a namespace. */
  findRef(type: string, ref: string, namespace: string): AnalysisDocument | undefined {
    const [first = "", second] = ref.split("/", 2);
    return second === undefined
      ? this.find(type, namespace, first)
      : this.find(type, first, second);
  }

  /** Whether a pod, or what a template makes, has a sidecar. */
  hasSidecar(namespace: string, metadata: unknown, spec: unknown): boolean {
    const containers = [...listAt(spec, "containers"), ...listAt(spec, "initContainers")];
    const proxy = containers.find((one) => textAt(one, "name") === "istio-proxy");
    if (textAt(proxy, "image") !== "") return true;
    for (const field of ["labels", "annotations"]) {
      const said = labelsAt(metadata, field)[INJECT];
      if (said !== undefined) return said === "true";
    }
    return this.find("Namespace", "", namespace)?.labels["istio-injection"] === "enabled";
  }

  /** The mTLS mode of what carries these labels; port settings aside. */
  mtlsModeOf(namespace: string, labels: Labels): MtlsMode {
    return this.mtlsOf(namespace, labels).mode;
  }

  /** The same with the policy that says so; `undefined`: none does. */
  mtlsOf(
    namespace: string,
    labels: Labels,
  ): { readonly mode: MtlsMode; readonly policy: AnalysisDocument | undefined } {
    type Said = { readonly mode: MtlsMode; readonly policy: AnalysisDocument };
    let [mesh, space, workload]: (Said | undefined)[] = [];
    const near = new Set([namespace, this.rootNamespace]);
    const policies = [...near].flatMap((one) => this.#peerAuthentications.get(one) ?? []);
    for (const policy of policies) {
      const { namespace: at, spec } = policy;
      const mode = textAt(spec, "mtls", "mode");
      if (mode !== "STRICT" && mode !== "PERMISSIVE" && mode !== "DISABLE") continue;
      const selector = labelsAt(spec, "selector", "matchLabels");
      const isWide = Object.keys(selector).length === 0;
      if (isWide && at === namespace) space ??= { mode, policy };
      else if (isWide && at === this.rootNamespace) mesh ??= { mode, policy };
      else if (at === namespace && Object.entries(selector).every(([k, v]) => labels[k] === v)) {
        workload ??= { mode, policy };
      }
    }
    return workload ?? space ?? mesh ?? { mode: "PERMISSIVE", policy: undefined };
  }

  #ingress(type: string): readonly AnalysisDocument[] {
    return ingressDocuments.filter(
      (one) => one.type === type && this.find(type, one.namespace, one.name) === undefined,
    );
  }

  #toRunning(document: AnalysisDocument): RunningThing {
    const { namespace, name, annotations, wire, spec } = document;
    const isAmbient = annotations[AMBIENT] === "enabled";
    const isInMesh = isAmbient || this.hasSidecar(namespace, fieldsAt(wire, "metadata"), spec);
    const labels = this.#withLocality(document.labels, fieldsOf(spec));
    return { namespace, name, labels, isInMesh, isAmbient, document };
  }

  /** A pod carries its node's region and zone, unless the node says nothing. */
  #withLocality(labels: Labels, spec: unknown): Labels {
    const nodeName = textAt(spec, "nodeName");
    if (nodeName === "") return labels;
    const node = this.find("Node", "", nodeName)?.labels ?? {};
    const region = node["topology.kubernetes.io/region"] ?? "";
    const zone = node["topology.kubernetes.io/zone"] ?? "";
    const subzone = node["topology.istio.io/subzone"] ?? "";
    return {
      ...labels,
      ...(region === "" ? {} : { "topology.kubernetes.io/region": region }),
      ...(zone === "" ? {} : { "topology.kubernetes.io/zone": zone }),
      ...(zone === "" || subzone === "" ? {} : { "topology.istio.io/subzone": subzone }),
      "kubernetes.io/hostname": nodeName,
    };
  }
}
