import type { Registry } from "../registry/registry.ts";

/** Who is in the mesh, as the picture of it is made: the registry, or its mirror in the study. */
export type InstanceRegistry = Pick<
  Registry,
  | "instances"
  | "instancesOfService"
  | "instancesOfProxy"
  | "serviceKeys"
  | "isKnownService"
  | "isOwn"
  | "notePlaintextPorts"
>;
