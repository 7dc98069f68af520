import ipaddr from "ipaddr.js";

/** A rule's IP block is not an address or a CIDR. */
export class InvalidCidrError extends Error {
  override readonly name = "InvalidCidrError";
  readonly code = "HEDDLE_INVALID_CIDR";
  readonly block: string;
  constructor(block: string) {
    super(
      `IP block ${JSON.stringify(block)} is neither an address nor a CIDR, such as 10.0.0.0/8 or fd00::/8`,
    );
    this.block = block;
  }
}

/** One block of addresses; an address without a length is a block of one. */
export type Cidr = {
  /** Bits of the block's prefix, counted in its own family. */
  readonly length: number;
  readonly contains: (address: string) => boolean;
};

/**
 * IPv4 and IPv6; an IPv4 address mapped into IPv6 (as a dual-stack listener reports it) counts as IPv4.
 * Bits behind the length are ignored. What is not an address lies in no block. Throws `InvalidCidrError`.
 */
export function compileCidr(block: string): Cidr {
  const [network, length] = parseBlock(block);
  const kind = network.kind();
  return {
    length,
    contains: (address) => {
      const parsed = parseAddress(address);
      return parsed !== undefined && parsed.kind() === kind && parsed.match(network, length);
    },
  };
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

function parseBlock(block: string): [Address, number] {
  const slash = block.indexOf("/");
  const network = parseAddress(slash < 0 ? block : block.slice(0, slash));
  if (network === undefined) throw new InvalidCidrError(block);
  const bits = network.kind() === "ipv4" ? 32 : 128;
  if (slash < 0) return [network, bits];
  const digits = block.slice(slash + 1);
  const length = Number(digits);
  if (!/^\d{1,3}$/.test(digits) || length > bits) throw new InvalidCidrError(block);
  return [network, length];
}

/** Only the four-part form of IPv4: others read `010.1` as octal or leave parts out. */
function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(":") || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.process(text);
}
