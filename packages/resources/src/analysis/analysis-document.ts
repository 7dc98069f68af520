import type { SourceDocument, TextPlace } from "../read-sources.ts";
import type { Resource } from "../resource.ts";
import { type Fields, fieldsOf, labelsAt, textAt } from "./fields.ts";

/** A document as analyzers see it: any kind, of a file or of the live mesh. */
export type AnalysisDocument = {
  /** The kind; `KubernetesGateway` for the Gateway API's, which shares its name with Istio's. */
  readonly type: string;
  readonly kind: string;
  /** `""` for kinds that are in none. */
  readonly namespace: string;
  readonly name: string;
  /** `VirtualService shop/reviews`, the namespace only where the document says it. */
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly wire: Fields;
  readonly spec: Fields;
  /** What Heddle takes it for; `undefined`: another system's, or faulty. */
  readonly resource: Resource | undefined;
  /** `undefined`: it stands for the surroundings, and nothing is told of it. */
  readonly source: SourceDocument | undefined;
  readonly file: string | undefined;
  readonly locate: (path: readonly PropertyKey[]) => TextPlace | undefined;
};

const WITHOUT_NAMESPACE = new Set([
  ...["Namespace", "Node", "CustomResourceDefinition", "GatewayClass"],
  ...["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ClusterRole"],
  ...["ClusterRoleBinding", "PersistentVolume", "PriorityClass", "StorageClass", "MeshNetworks"],
]);

/** `undefined`: nothing that has a kind and a name. `isSubject`: findings about it are told. */
export function toAnalysisDocument(
  source: SourceDocument,
  {
    file,
    defaultNamespace,
    isSubject,
  }: { file: string | undefined; defaultNamespace: string; isSubject: boolean },
): AnalysisDocument | undefined {
  const wire = fieldsOf(source.wire);
  const kind = textAt(wire, "kind");
  const name = textAt(wire, "metadata", "name");
  if (kind === "" || name === "") return undefined;
  const isGatewayApi = textAt(wire, "apiVersion").startsWith("gateway.networking.k8s.io/");
  const written = textAt(wire, "metadata", "namespace");
  const hasNone = WITHOUT_NAMESPACE.has(kind);
  return {
    type: isGatewayApi && kind === "Gateway" ? "KubernetesGateway" : kind,
    kind,
    namespace: hasNone ? "" : written === "" ? defaultNamespace : written,
    name,
    title: written === "" || hasNone ? `${kind} ${name}` : `${kind} ${written}/${name}`,
    labels: labelsAt(wire, "metadata", "labels"),
    annotations: labelsAt(wire, "metadata", "annotations"),
    wire,
    spec: fieldsOf(wire["spec"]),
    resource: source.resource,
    source: isSubject ? source : undefined,
    file,
    locate: source.locate,
  };
}

/** `namespace/name`, and the name alone for kinds in no namespace; how documents refer to each other. */
export function keyOf({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}
