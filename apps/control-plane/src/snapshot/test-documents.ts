import assert from "node:assert/strict";
import { formatRef, parseResources } from "@heddle/resources";
import type { MeshDocument } from "./mesh-document.ts";

/** Parsed documents as a snapshot takes them, each a millisecond older than the next. For tests. */
export function parseDocuments(...texts: readonly string[]): Map<string, MeshDocument> {
  const parsed = parseResources(texts.join("\n---\n"));
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return new Map(
    parsed.resources.map(({ resource, yaml }, index): [string, MeshDocument] => [
      formatRef(resource),
      { resource, yaml, revision: 1, createdAtMs: 1000 + index, updatedAtMs: 1000 + index },
    ]),
  );
}

/** One document of a networking kind; `spec` in YAML's flow style. */
export function document(kind: string, name: string, namespace: string, spec: string): string {
  return `apiVersion: ${API_VERSIONS[kind] ?? "networking.istio.io/v1"}
kind: ${kind}
metadata: {name: ${name}, namespace: ${namespace}}
spec: ${spec}`;
}

const API_VERSIONS: Readonly<Record<string, string>> = {
  Service: "v1",
  MeshConfig: "heddle.dev/v1",
  TrafficPolicy: "heddle.dev/v1",
  RateLimit: "heddle.dev/v1",
  ProxyFilter: "heddle.dev/v1",
  Bypass: "heddle.dev/v1",
  DnsSource: "heddle.dev/v1",
  InstanceOverride: "heddle.dev/v1",
  Telemetry: "telemetry.istio.io/v1",
  AuthorizationPolicy: "security.istio.io/v1",
  PeerAuthentication: "security.istio.io/v1",
  RequestAuthentication: "security.istio.io/v1",
};
