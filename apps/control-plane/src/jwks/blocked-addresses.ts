import { BlockList, isIP, isIPv4 } from "node:net";

/**
 * Where a control plane must not be sent by whoever may write a document (server-side request forgery):
 * link-local addresses, where clouds keep their machines' credentials. Others can be added
 * (`HEDDLE_BLOCKED_CIDRS_IN_JWKS_URIS`, istiod's BLOCKED_CIDRS_IN_JWKS_URIS).
 */
export const ALWAYS_BLOCKED: readonly string[] = [
  "169.254.0.0/16",
  "fe80::/10",
  "fd00:ec2::254/128",
  "100.100.100.200/32",
];

/** Tells addresses that may be connected to from those that may not. */
export class BlockedAddresses {
  readonly #list = new BlockList();

  constructor(cidrs: readonly string[]) {
    for (const cidr of [...ALWAYS_BLOCKED, ...cidrs]) {
      const [network = "", length] = cidr.split("/");
      const family = isIPv4(network) ? "ipv4" : "ipv6";
      this.#list.addSubnet(network, length === undefined ? bitsOf(family) : Number(length), family);
    }
  }

  has(address: string): boolean {
    // An IPv4 address can be written as an IPv6 one, which leads to the same place.
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
    return isIP(plain) !== 0 && this.#list.check(plain, isIPv4(plain) ? "ipv4" : "ipv6");
  }
}

function bitsOf(family: "ipv4" | "ipv6"): number {
  return family === "ipv4" ? 32 : 128;
}
