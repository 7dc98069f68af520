import { parseServiceHost } from "../../service-host.ts";
import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { mirrorDestinations } from "../destinations.ts";
import { type Fields, fieldsAt, fieldsOf, isFields, listAt, textAt } from "../fields.ts";
import { toFqdn } from "../host-index.ts";
import { httpRoutes } from "./routes-of.ts";

const ASKS_WHO = ["headers", "withoutHeaders", "queryParams", "sourceLabels", "sourceNamespace"];

/** HDL018, HDL019: faults that meet everybody, or that retries are expected to see. */
export const checkFaults: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    for (const { route, path, title, matches } of httpRoutes(document)) {
      const fault = fieldsAt(route, "fault");
      const isOn = isFields(fault["delay"]) || isFields(fault["abort"]);
      if (!isOn) continue;
      const at = [...path, "fault"];
      const asks =
        matches.length > 0 && matches.every((one) => ASKS_WHO.some((field) => one[field] != null));
      if (!asks) {
        const kinds = ["delay", "abort"].filter((kind) => isFields(fault[kind])).join(" and ");
        const why = `${title} injects ${kinds} into the requests of everybody who comes this way`;
        report(document, "HDL018", { path: at, why });
      }
      const seen = ["retries", "timeout"].filter((field) => route[field] != null);
      if (seen.length === 0 || textAt(fault, "scope") === "upstream") continue;
      const why = `${title} has a fault and ${seen.join(" and ")}, which do not see it: it is injected before them`;
      const whatToDo = "Set fault.scope: upstream, or put the fault at the server";
      report(document, "HDL019", { path: at, why, whatToDo });
    }
  }
};

/** HDL017: copies that go to where the requests go. */
export const checkMirrors: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    for (const { destination, path } of mirrorDestinations(document)) {
      const [, , index] = path;
      const route = listAt(document.spec, "http")[Number(index)];
      const copy = nameOf(destination, document);
      const own = listAt(route, "route").map((one) => fieldsOf(fieldsOf(one)["destination"]));
      if (!own.some((one) => nameOf(one, document) === copy)) continue;
      const why = `http[${Number(index)}] sends requests and their copies to ${textAt(destination, "host")} ${textAt(destination, "subset")}`;
      report(document, "HDL017", { path, why: why.trim() });
    }
  }
};

function nameOf(destination: Fields, { namespace }: AnalysisDocument): string {
  const host = textAt(destination, "host");
  const service = parseServiceHost(host, namespace);
  const name = service ? toFqdn(service.namespace, service.name) : host;
  return `${name} ${textAt(destination, "subset")}`;
}
