import type { Document } from "yaml";
import { z } from "zod";
import { canonicalYaml } from "./canonical-yaml.ts";
import { type Fault, faultsOf, formatPath } from "./fault.ts";
import { findUnreachable } from "./kinds/virtual-service.ts";
import { findKind, formatApiVersion, KINDS, resolveAlias } from "./kinds.ts";
import { type PassedOver, reasonToPassOver } from "./passed-over.ts";
import { formatRef, type Resource } from "./resource.ts";
import { collectWarnings } from "./schema/walk-schema.ts";

/** One document: what it means, and how it is kept and shown. */
export type ParsedResource = { readonly resource: Resource; readonly yaml: string };

export type DocumentOutcome = {
  readonly parsed?: ParsedResource;
  readonly passedOver?: PassedOver;
  readonly faults: readonly Fault[];
  readonly warnings: readonly string[];
};

const Header = z.object({ apiVersion: z.string().max(300), kind: z.string().max(300) });

/** Reads the document numbered `number`, counted from 1; `wire` is its plain value. */
export function readResource(document: Document, wire: unknown, number: number): DocumentOutcome {
  const title = titleOf(wire, number);
  const meaning = interpret(wire, (path) =>
    path.length === 0 ? title : `${title}: ${formatPath(path)}`,
  );
  if (!("resource" in meaning)) return meaning;
  const { resource, alias, notes } = meaning;
  const { apiVersion } = Header.parse(wire);
  if (alias) document.setIn(["apiVersion"], alias);
  const yaml = canonicalYaml(document, resource.namespace);
  const ref = formatRef(resource);
  const warnings = [
    ...(alias ? [`apiVersion: ${apiVersion} is an example's name; it is kept as ${alias}`] : []),
    ...notes.map(({ path, message }) => `${formatPath(path)}: ${message}`),
    ...(resource.kind === "VirtualService" ? findUnreachable(resource) : []),
  ];
  return {
    parsed: { resource, yaml },
    faults: [],
    warnings: warnings.map((warning) => `${ref}: ${warning}`),
  };
}

/** What a document's plain value means; `notes`: fields that are taken and do nothing, or may surprise. */
export type DocumentMeaning =
  | {
      readonly resource: Resource;
      readonly alias: string | undefined;
      readonly notes: readonly {
        readonly path: readonly PropertyKey[];
        readonly message: string;
      }[];
    }
  | DocumentOutcome;

/** `where` names a field in the faults. */
export function interpret(
  wire: unknown,
  where: (path: readonly PropertyKey[]) => string,
): DocumentMeaning {
  const header = Header.safeParse(wire);
  if (!header.success) return { faults: faultsOf(header.error, wire, where), warnings: [] };
  const { apiVersion, kind } = header.data;
  const alias = resolveAlias(apiVersion);
  const known = findKind(kind);
  const allowed = known?.versions.map((version) => formatApiVersion(known.group, version)) ?? [];
  if (!known || !allowed.includes(alias ?? apiVersion)) {
    return turnAway({ wire, where, apiVersion: alias ?? apiVersion, kind, allowed });
  }
  const value = dropNulls(wire);
  const parsed = known.schema.safeParse(value);
  if (!parsed.success) return { faults: faultsOf(parsed.error, value, where), warnings: [] };
  return { resource: parsed.data, alias, notes: collectWarnings(known.schema, value) };
}

/** A document that is not for Heddle is passed over; one that seems to be meant for it is faulty. */
function turnAway(given: {
  wire: unknown;
  where: (path: readonly PropertyKey[]) => string;
  apiVersion: string;
  kind: string;
  allowed: readonly string[];
}): DocumentOutcome {
  const { wire, where, apiVersion, kind, allowed } = given;
  const reason = reasonToPassOver(apiVersion, kind);
  if (reason !== undefined) {
    const { metadata } = Named.safeParse(wire).data ?? { metadata: { name: "(no name)" } };
    const namespace = ("namespace" in metadata && metadata.namespace) || "default";
    const passedOver = { kind, namespace, name: metadata.name, reason };
    const warning = `${kind} ${namespace}/${metadata.name}: passed over, ${reason}`;
    return { passedOver, faults: [], warnings: [warning] };
  }
  if (allowed.length > 0) {
    const message = `is ${JSON.stringify(apiVersion)}; expected ${allowed.join(" or ")}`;
    return { faults: [{ field: where(["apiVersion"]), message }], warnings: [] };
  }
  const kinds = Object.keys(KINDS).join(", ");
  const message = `is ${JSON.stringify(kind)} of ${apiVersion}, which Heddle does not know; expected one of ${kinds}`;
  return { faults: [{ field: where(["kind"]), message }], warnings: [] };
}

/**
 * A field that is null is one that is not given, as in Kubernetes. Not so among the conditions of a
 * match, where a forgotten value would turn into a test for presence.
 */
function dropNulls(value: unknown, keepsNulls = false): unknown {
  if (Array.isArray(value)) return value.map((item) => dropNulls(item, keepsNulls));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== null || keepsNulls);
  return Object.fromEntries(kept.map(([key, item]) => [key, dropNulls(item, CONDITIONS.has(key))]));
}
const CONDITIONS = new Set(["headers", "withoutHeaders", "queryParams"]);

function titleOf(wire: unknown, number: number): string {
  const named = Named.safeParse(wire);
  if (!named.success) return `document ${number}`;
  const { kind, metadata } = named.data;
  return `document ${number} (${kind} ${metadata.namespace ?? "default"}/${metadata.name})`;
}
const Named = z.object({
  kind: z.string().max(100),
  metadata: z.object({ name: z.string().max(300), namespace: z.string().max(300).nullish() }),
});
