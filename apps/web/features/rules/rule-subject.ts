import { isRecord, readRule, textOf, valueAt } from "./rule-yaml.ts";

/** What a document is about, in a few words: its hosts, whom it selects, its address. */
export function ruleSubject(yaml: string): string {
  const rule = readRule(yaml);
  if (rule.kind === "fault") return "";
  const spec = rule.value["spec"];
  const hosts = valueAt(spec, ["hosts"]);
  if (Array.isArray(hosts)) return hosts.map(textOf).join(", ");
  const host = textOf(valueAt(spec, ["host"]));
  if (host !== "") return host;
  const destinations = valueAt(spec, ["destinations"]);
  if (Array.isArray(destinations)) {
    return `to ${destinations.map((one) => textOf(valueAt(one, ["host"]))).join(", ")}`;
  }
  const labels =
    valueAt(spec, ["selector", "matchLabels"]) ??
    valueAt(spec, ["workloadSelector", "labels"]) ??
    valueAt(spec, ["selector"]);
  if (isRecord(labels)) return labelWords(labels);
  const address = textOf(valueAt(spec, ["address"]));
  if (address !== "") return address;
  return rule.identity.kind === "MeshConfig"
    ? "the whole mesh"
    : `all of ${rule.identity.namespace}`;
}

function labelWords(labels: Readonly<Record<string, unknown>>): string {
  const app = textOf(labels["app"]);
  const version = textOf(labels["version"]);
  if (app !== "" && Object.keys(labels).length === (version === "" ? 1 : 2)) {
    return version === "" ? app : `${app} ${version}`;
  }
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${textOf(value)}`)
    .join(", ");
}
