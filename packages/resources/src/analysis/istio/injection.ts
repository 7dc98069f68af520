import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { fieldsAt, isFields, labelsAt, listAt, textAt, textsAt, valueAt } from "../fields.ts";
import { carriesAll, push } from "../label-index.ts";
import type { MeshFacts } from "../mesh-facts.ts";

type Labels = Readonly<Record<string, string>>;

const INJECTION = "istio-injection";
const REVISION = "istio.io/rev";
const MODE = "istio.io/dataplane-mode";
const INJECT = "sidecar.istio.io/inject";
const CONFIG = "istio-sidecar-injector";

/** IST0102, 0103, 0123, 0148: which namespaces are injected, and pods that were not. */
export const checkInjection: Analyzer = (mesh, report) => {
  const injected = new Set<string>();
  let isDefault = false;
  for (const namespace of mesh.of("Namespace")) {
    const { name, labels } = namespace;
    if (name === "istio-system") continue;
    const said = labels[INJECTION];
    const given = said === undefined ? [] : [`${INJECTION}=${said}`];
    for (const label of [REVISION, MODE]) {
      const value = labels[label];
      if (value !== undefined && (said === undefined || said === "enabled")) {
        given.push(`${label}=${value}`);
      }
    }
    if (given.length > 1) {
      const why = `it has more than one label for injection: ${given.join(", ")}`;
      report(namespace, "IST0123", { path: ["metadata", "labels"], why });
    }
    if (labels[MODE] === "ambient") continue;
    const config = mesh.of("ConfigMap").find((one) => one.name === configNameOf(labels[REVISION]));
    if (config) isDefault = isInjectedByDefault(config);
    if ((said ?? "") === "" && labels[REVISION] === undefined) {
      const path = ["metadata", "name"];
      if (isDefault) report(namespace, "IST0148", { path, why: `${name} is injected by default` });
      else
        report(namespace, "IST0102", { path, why: `${name} has no label that enables injection` });
      continue;
    }
    if (said === "enabled") injected.add(name);
  }
  for (const pod of mesh.of("Pod")) {
    if (!injected.has(pod.namespace) || isSpared(pod)) continue;
    const proxy = containersOf(pod.spec).find((one) => textAt(one, "name") === "istio-proxy");
    if (textAt(proxy, "image") !== "") continue;
    report(pod, "IST0103", { why: `pod ${pod.namespace}/${pod.name} has no sidecar` });
  }
};

function isSpared({ labels, annotations, spec }: AnalysisDocument): boolean {
  const said = labels[INJECT] ?? annotations[INJECT] ?? "";
  return said.toLowerCase() === "false" || spec["hostNetwork"] === true;
}

/** IST0146, 0147: `image: auto` that nothing replaces. */
export const checkAutoImages: Analyzer = (mesh, report) => {
  for (const pod of mesh.of("Pod")) {
    if (!hasAutoImage(pod.spec)) continue;
    report(pod, "IST0147", { why: `pod ${pod.name} runs with the image auto` });
  }
  const webhooks = mesh
    .of("MutatingWebhookConfiguration")
    .flatMap(({ wire }) => listAt(wire, "webhooks"))
    .filter((one) => textAt(one, "name").endsWith("istio.io"));
  for (const deployment of mesh.of("Deployment")) {
    const template = fieldsAt(deployment.spec, "template");
    if (!hasAutoImage(template["spec"])) continue;
    const space = mesh.find("Namespace", "", deployment.namespace)?.labels ?? {};
    const pod = labelsAt(template, "metadata", "labels");
    const isInjected = webhooks.some(
      (one) =>
        meetsSelector(valueAt(one, "namespaceSelector"), space) &&
        meetsSelector(valueAt(one, "objectSelector"), pod),
    );
    if (isInjected) continue;
    const why = `it asks for the image auto, and no webhook selects its pods in ${deployment.namespace}`;
    report(deployment, "IST0146", { path: ["spec", "template"], why });
  }
};

function hasAutoImage(spec: unknown): boolean {
  return listAt(spec, "containers").some(
    (one) => textAt(one, "name") === "istio-proxy" && textAt(one, "image") === "auto",
  );
}

/** A Kubernetes label selector; without one, everything is meant. */
export function meetsSelector(selector: unknown, labels: Labels): boolean {
  if (!isFields(selector)) return true;
  if (!carriesAll(labels, labelsAt(selector, "matchLabels"))) return false;
  return listAt(selector, "matchExpressions").every((expression) => {
    const value = labels[textAt(expression, "key")];
    const values = textsAt(expression, "values");
    switch (textAt(expression, "operator")) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return value === undefined || !values.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      default:
        return false;
    }
  });
}

/** IST0158: pods with another sidecar than injection would give them. */
export const checkProxyImages: Analyzer = (mesh, report) => {
  const images = new Map<string, string>();
  for (const config of mesh.of("ConfigMap")) {
    if (config.name.startsWith(CONFIG)) images.set(config.name, imageOf(config));
  }
  if (images.size === 0) return;
  const mismatched = new Map<AnalysisDocument, string[]>();
  for (const pod of mesh.of("Pod")) {
    const namespace = mesh.find("Namespace", "", pod.namespace);
    const revision = namespace?.labels[REVISION];
    if (!namespace || (namespace.labels[INJECTION] !== "enabled" && revision === undefined))
      continue;
    if ((pod.annotations["sidecar.istio.io/proxyImage"] ?? "") !== "") continue;
    const image = images.get(configNameOf(revision ?? "default"));
    if (image === undefined) continue;
    const allowed = [image, `${image}-${variantOf(pod, mesh)}`];
    for (const container of containersOf(pod.spec)) {
      if (textAt(container, "name") !== "istio-proxy") continue;
      if (!allowed.includes(textAt(container, "image"))) push(mismatched, namespace, pod.name);
    }
  }
  for (const [namespace, pods] of mismatched) {
    const why = `pods run another sidecar than injection gives: ${pods.sort().join(", ")}`;
    report(namespace, "IST0158", { why });
  }
};

/** Which flavour of the image a pod asks for: the closest that says so. */
function variantOf(pod: AnalysisDocument, mesh: MeshFacts): string {
  const typeOf = (spec: unknown) => textAt(spec, "image", "imageType");
  let variant = textAt(mesh.of("MeshConfig")[0]?.spec, "defaultConfig", "image", "imageType");
  const configs = mesh.of("ProxyConfig");
  const root = configs.filter(({ namespace }) => namespace === mesh.rootNamespace);
  const own = configs.filter(
    ({ namespace }) => namespace === pod.namespace && namespace !== mesh.rootNamespace,
  );
  const wide = own.filter(({ spec }) => !isFields(spec["selector"]));
  const narrow = own.filter(
    ({ spec }) =>
      isFields(spec["selector"]) &&
      carriesAll(pod.labels, labelsAt(spec, "selector", "matchLabels")),
  );
  for (const { spec } of [...root, ...wide, ...narrow]) variant = typeOf(spec) || variant;
  const annotated = /imageType:\s*["']?([\w-]+)/.exec(
    pod.annotations["proxy.istio.io/config"] ?? "",
  );
  variant = annotated?.[1] ?? variant;
  return variant === "default" ? "" : variant;
}

function containersOf(spec: unknown): readonly unknown[] {
  return [...listAt(spec, "containers"), ...listAt(spec, "initContainers")];
}

function configNameOf(revision: string | undefined): string {
  return revision === undefined || revision === "" || revision === "default"
    ? CONFIG
    : `${CONFIG}-${revision}`;
}

function isInjectedByDefault(config: AnalysisDocument): boolean {
  return valueAt(valuesOf(config), "sidecarInjectorWebhook", "enableNamespacesByDefault") === true;
}

function imageOf(config: AnalysisDocument): string {
  const values = valuesOf(config);
  const image = textAt(values, "global", "proxy", "image");
  if (image.includes("/")) return image;
  return `${textAt(values, "global", "hub")}/${image}:${textAt(values, "global", "tag")}`;
}

/** The values of the installation, which lie in the ConfigMap as JSON. */
function valuesOf({ wire }: AnalysisDocument): unknown {
  try {
    return JSON.parse(textAt(wire, "data", "values") || "{}");
  } catch (error) {
    if (error instanceof SyntaxError) return {}; // written by hand; then nothing is known of the installation
    throw error;
  }
}
