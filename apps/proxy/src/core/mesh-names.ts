import { BlockList, isIP } from "node:net";
import type { NamesResource } from "@heddle/contracts/control-stream";
import { serviceOfHost } from "@heddle/mesh";

/**
 * The names the mesh may mean, as the control plane last said. It never says "no" of a name of the mesh, but for the
 * moment a new one needs to get here; it may say "yes" of one that this workload's namespace cannot reach.
 */
export class MeshNames {
  readonly #services = new Map<string, ReadonlySet<string>>();
  #hosts: ReadonlySet<string> = new Set();
  /** With their dot: `.example.com`. */
  #suffixes: readonly string[] = [];
  #addresses = new BlockList();
  /** Whether the control plane has told them: an older one does not. */
  isTold = false;

  set({ namespace, names }: Pick<NamesResource, "namespace" | "names">): void {
    this.isTold = true;
    if (namespace !== "") {
      this.#services.set(namespace, new Set(names));
      return;
    }
    this.#hosts = new Set(names);
    this.#suffixes = names.filter((name) => name.startsWith("*")).map((name) => name.slice(1));
    this.#addresses = toBlockList(names);
  }

  remove(namespace: string): void {
    if (namespace === "") this.set({ namespace, names: [] });
    else this.#services.delete(namespace);
  }

  /** Whether a host in lower case without port may mean something of the mesh to a caller; `undefined`: not told. */
  has(host: string, callerNamespace: string): boolean | undefined {
    if (!this.isTold) return undefined;
    const address = host.replace(/^\[(.*)\]$/, "$1");
    const family = isIP(address);
    if (family !== 0) return this.#addresses.check(address, family === 6 ? "ipv6" : "ipv4");
    if (this.#hosts.has(host)) return true;
    const service = serviceOfHost(host, callerNamespace);
    if (service && this.#services.get(service.namespace)?.has(service.name) === true) return true;
    return this.#suffixes.some((suffix) => host.endsWith(suffix));
  }
}

function toBlockList(names: readonly string[]): BlockList {
  const list = new BlockList();
  for (const name of names) {
    const [address = "", prefix] = name.split("/");
    const family = isIP(address);
    if (family === 0) continue;
    const kind = family === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, kind);
    else list.addSubnet(address, Number(prefix), kind);
  }
  return list;
}
