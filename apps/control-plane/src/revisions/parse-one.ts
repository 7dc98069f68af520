import { type Fault, type ParsedResource, parseResources } from "@heddle/resources";
import { ConfigFaultsError } from "./change-errors.ts";

/** Parses a text that must hold exactly one good document. Throws `ConfigFaultsError`. */
export function parseOne(yaml: string): ParsedResource {
  const outcome = parseResources(yaml);
  if (!outcome.ok) throw new ConfigFaultsError(outcome.faults);
  const [only, ...others] = outcome.resources;
  if (!only || others.length > 0) {
    const fault: Fault = { field: "text", message: "expected exactly one document" };
    throw new ConfigFaultsError([fault]);
  }
  return only;
}
