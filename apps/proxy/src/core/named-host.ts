import { isIP } from "node:net";
import { hostWithoutPort } from "@heddle/mesh";

/** A host as an app named it. */
export type NamedHost = {
  /** In lower case, without port and final dot; an IPv6 address keeps its brackets. */
  readonly name: string;
  /** The port in it; `undefined`: none, or none that could be one. */
  readonly port: number | undefined;
  /**
   * Nothing outside the mesh can be meant: a name of one label, or one under `.svc`. Of `a.b` one
   * cannot tell: it may be a service `a` of a namespace `b`, or a host of a top-level domain `b`.
   */
  readonly isMeshOnly: boolean;
};

const MESH_SUFFIX = /\.svc(\.cluster\.local)?$/;

/** Takes a Host header apart. */
export function readHost(authority: string): NamedHost {
  const name = hostWithoutPort(authority);
  const colon = authority.lastIndexOf(":");
  const digits = colon > authority.lastIndexOf("]") ? authority.slice(colon + 1) : "";
  const port = Number(digits);
  const hasPort = digits !== "" && Number.isInteger(port) && port > 0 && port <= 65_535;
  const isOneLabel = !name.includes(".") && !name.startsWith("[") && name !== "localhost";
  return {
    name,
    port: hasPort ? port : undefined,
    isMeshOnly: (isOneLabel && isIP(name) === 0) || MESH_SUFFIX.test(name),
  };
}
