import assert from "node:assert/strict";
import { parseResources, type Resource, type ResourceKindName } from "../src/index.ts";
import { KINDS } from "../src/kinds.ts";

/** A document called `shop/it` with this spec, written in YAML's flow style. */
export function write(kind: ResourceKindName, spec: string, metadata = ""): string {
  const { group, versions } = KINDS[kind];
  const apiVersion = group === "" ? versions[0] : `${group}/${versions[0]}`;
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: it, namespace: shop${metadata}}\nspec: ${spec}\n`;
}

/** What a good document means, and what it is warned about (without the document's name). */
export function read<Kind extends ResourceKindName>(kind: Kind, spec: string, metadata = "") {
  const outcome = parseResources(write(kind, spec, metadata));
  assert.ok(outcome.ok, JSON.stringify(outcome, null, 1));
  const resource = outcome.resources[0]?.resource;
  assert.ok(resource?.kind === kind);
  const prefix = `${kind} shop/it: `;
  return {
    resource: resource as Extract<Resource, { kind: Kind }>,
    warnings: outcome.warnings.map((warning) => warning.replace(prefix, "")),
  };
}

/** The faults of a bad one, as `field: message` (without the document's name). */
export function faultsOf(kind: ResourceKindName, spec: string): string[] {
  const outcome = parseResources(write(kind, spec));
  assert.ok(!outcome.ok, "was accepted");
  const prefix = `document 1 (${kind} shop/it): `;
  return outcome.faults.map(({ field, message }) => `${field.replace(prefix, "")}: ${message}`);
}
