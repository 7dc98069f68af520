export { editYaml, type YamlEdit } from "./edit-yaml.ts";
export type { Fault } from "./fault.ts";
export { type ParsedResource, type ParseOutcome, parseResources } from "./parse-resources.ts";
export {
  type DestinationRule,
  formatRef,
  type PeerAuthenticationDocument,
  RESOURCE_KINDS,
  type Resource,
  type ResourceKindName,
  type ResourceRef,
  type VirtualService,
  type WorkloadEntry,
} from "./resource.ts";
export { isDnsLabel, parseServiceHost } from "./service-host.ts";
