import { isIP } from "node:net";
import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { isFields, labelsAt, listAt, textAt, textsAt, valueAt } from "../fields.ts";
import type { MeshFacts } from "../mesh-facts.ts";
import { meetsSelector } from "./injection.ts";

type Labels = Readonly<Record<string, string>>;
type Hook = { readonly document: AnalysisDocument; readonly index: number; readonly hook: unknown };

const REVISION = "istio.io/rev";

/** IST0139: injection webhooks that overlap, or lead nowhere. */
export const checkWebhooks: Analyzer = (mesh, report) => {
  const hooks: Hook[] = [];
  const revisions = new Set<string>();
  for (const document of mesh.of("MutatingWebhookConfiguration")) {
    const own = listAt(document.wire, "webhooks");
    const named = revisionsOf(document, own);
    const isOfIstio = own.some((hook) => textAt(hook, "name").endsWith("istio.io"));
    if (named.length === 0 && !isOfIstio) continue;
    for (const revision of named) revisions.add(revision);
    own.forEach((hook, index) => {
      hooks.push({ document, index, hook });
    });
  }
  reportOverlaps(hooks, [...revisions], report);
  for (const one of hooks) reportService(one, mesh, report);
};

function reportOverlaps(
  hooks: readonly Hook[],
  revisions: readonly string[],
  report: Report,
): void {
  const overlaps = new Map<Hook, Set<string>>();
  for (const namespace of variants("istio-injection", ["enabled", "disabled"], revisions)) {
    for (const pod of variants("sidecar.istio.io/inject", ["true", "false"], revisions)) {
      const matching = hooks.filter(
        ({ hook }) =>
          meetsSelector(valueAt(hook, "namespaceSelector"), namespace) &&
          meetsSelector(valueAt(hook, "objectSelector"), pod),
      );
      if (matching.length < 2) continue;
      for (const one of matching) {
        const others = matching.filter((other) => other !== one).map(nameOf);
        const key = [...new Set(others)].sort().join(", ");
        const known = overlaps.get(one) ?? new Set<string>();
        overlaps.set(one, known.add(key));
      }
    }
  }
  for (const [{ document, index }, sets] of overlaps) {
    for (const others of sets) {
      const why = `webhook ${index} overlaps with ${others}: pods may be injected twice`;
      report(document, "IST0139", { path: ["webhooks", index], why });
    }
  }
}

function reportService({ document, index, hook }: Hook, mesh: MeshFacts, report: Report): void {
  const service = valueAt(hook, "clientConfig", "service");
  if (!isFields(service)) return;
  const [namespace, name] = [textAt(service, "namespace"), textAt(service, "name")];
  if (mesh.services.some((one) => one.namespace === namespace && one.name === name)) return;
  const path = ["webhooks", index, "clientConfig", "service"];
  const why = `webhook ${index} leads to the service ${namespace}/${name}, which does not exist`;
  report(document, "IST0139", { path, why });
}

const nameOf = ({ document, hook }: Hook) => `${document.name}/${textAt(hook, "name")}`;

/** Every set of labels that matters: none, each value, and each of these with each revision. */
function variants(
  label: string,
  values: readonly string[],
  revisions: readonly string[],
): Labels[] {
  const plain: Labels[] = [{}, ...values.map((value) => ({ [label]: value }))];
  return [
    ...plain,
    ...revisions.flatMap((one) => plain.map((labels) => ({ ...labels, [REVISION]: one }))),
  ];
}

function revisionsOf(document: AnalysisDocument, hooks: readonly unknown[]): string[] {
  const own = document.labels[REVISION];
  const found = new Set(own === undefined ? [] : [own]);
  for (const hook of hooks) {
    for (const field of ["namespaceSelector", "objectSelector"]) {
      const label = labelsAt(hook, field, "matchLabels")[REVISION];
      if (label !== undefined) found.add(label);
      for (const expression of listAt(hook, field, "matchExpressions")) {
        if (textAt(expression, "key") !== REVISION) continue;
        for (const value of textsAt(expression, "values")) found.add(value);
      }
    }
  }
  return [...found];
}

/** IST0163, 0164: webhooks of a control plane elsewhere, without address or by IP address. */
export const checkExternalControlPlane: Analyzer = (mesh, report) => {
  for (const document of mesh.of("ValidatingWebhookConfiguration")) {
    const { name } = document;
    if (name !== "istiod-default-validator" && !name.startsWith("istio-validator")) continue;
    checkAddresses(document, report);
  }
  for (const document of mesh.of("MutatingWebhookConfiguration")) {
    if (document.name.startsWith("istio-sidecar-injector")) checkAddresses(document, report);
  }
};

function checkAddresses(document: AnalysisDocument, report: Report): void {
  listAt(document.wire, "webhooks").forEach((hook, index) => {
    const path = ["webhooks", index, "clientConfig"];
    const url = valueAt(hook, "clientConfig", "url");
    const name = textAt(hook, "name");
    if (typeof url !== "string") {
      if (isFields(valueAt(hook, "clientConfig", "service"))) return;
      report(document, "IST0163", { path, why: `webhook ${name} has neither url nor service` });
      return;
    }
    const host = URL.canParse(url) ? new URL(url).hostname : hostOfRelative(url);
    if (host === undefined) {
      report(document, "IST0163", {
        path,
        why: `webhook ${name} has the url ${JSON.stringify(url)}, which cannot be read`,
      });
    } else if (isIP(host.replace(/^\[|\]$/g, "")) !== 0) {
      report(document, "IST0164", { path, why: `webhook ${name} leads to the IP address ${host}` });
    }
  });
}

/** A url without scheme can be read, and has no host; one with a control character or a bad port cannot. */
function hostOfRelative(url: string): string | undefined {
  const hasControl = url.split("").some((letter) => letter < " " || letter === "\u007f");
  return hasControl || /^[^/?#]*:/.test(url) || /%(?![\da-f]{2})/i.test(url) ? undefined : "";
}
