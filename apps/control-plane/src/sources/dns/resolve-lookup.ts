import type { promises } from "node:dns";
import { BlockList, isIP } from "node:net";
import type { DnsLookup } from "@heddle/resources";
import type { SourceLookup } from "../source-content.ts";

type Endpoint = SourceLookup["endpoints"][number];

/** What the DNS says of a name. */
export type LookupAnswer = {
  readonly endpoints: readonly Endpoint[];
  /** The least of all answers it is made of; `undefined`: none said one. */
  readonly ttlSeconds: number | undefined;
};

/** The servers gave no answer, or one that says that they could not: what was known goes on. */
export class LookupFailedError extends Error {
  override readonly name = "LookupFailedError";
}

const MAX_ENDPOINTS = 1000;
/** Such names are not there; anything else (SERVFAIL, a timeout, no connection) says nothing of them. */
const NOTHING = new Set(["ENOTFOUND", "ENODATA"]);

/** Addresses that lead to nobody, or to more than one: no service is there. */
const NOWHERE = new BlockList();
NOWHERE.addSubnet("0.0.0.0", 8, "ipv4");
NOWHERE.addSubnet("224.0.0.0", 3, "ipv4");
NOWHERE.addAddress("::", "ipv6");
NOWHERE.addSubnet("ff00::", 8, "ipv6");

/** Asks once. No endpoints: the name is not there, or has none. Throws `LookupFailedError`. */
export async function resolveLookup(
  resolver: promises.Resolver,
  lookup: DnsLookup,
): Promise<LookupAnswer> {
  const { name, type, port, weight } = lookup;
  if (type === "SRV") return resolveServices(resolver, name);
  const { addresses, ttlSeconds } = await resolveAddresses(resolver, name, type);
  const endpoints = addresses.map((address) => ({
    address,
    port,
    ...(weight === undefined ? {} : { weight }),
  }));
  return { endpoints: bounded(name, endpoints), ttlSeconds };
}

/**
 * Of several priorities the lowest number is used, as RFC 2782 asks; weights are those of the answer, and 0 counts
 * as 1. Node tells no TTL of SRV answers: it is that of the addresses they lead to.
 */
async function resolveServices(resolver: promises.Resolver, name: string): Promise<LookupAnswer> {
  const records = await orNothing(name, resolver.resolveSrv(name));
  const served = records.filter(({ name: target }) => target !== "" && target !== ".");
  const first = Math.min(...served.map(({ priority }) => priority));
  const used = served.filter(({ priority }) => priority === first);
  const found = await Promise.all(
    used.map(async ({ name: target, port, weight }) => {
      const { addresses, ttlSeconds } =
        isIP(target) === 0
          ? await resolveAddresses(resolver, target, "ADDRESS")
          : { addresses: [target], ttlSeconds: undefined };
      const endpoints = addresses.map((address) => ({
        address,
        port,
        weight: Math.max(1, weight),
      }));
      return { endpoints, ttlSeconds };
    }),
  );
  return {
    endpoints: bounded(
      name,
      found.flatMap(({ endpoints }) => endpoints),
    ),
    ttlSeconds: least(found.map(({ ttlSeconds }) => ttlSeconds)),
  };
}

async function resolveAddresses(
  resolver: promises.Resolver,
  name: string,
  type: "A" | "AAAA" | "ADDRESS",
): Promise<{ readonly addresses: string[]; readonly ttlSeconds: number | undefined }> {
  const [four, six] = await Promise.all([
    type === "AAAA" ? [] : orNothing(name, resolver.resolve4(name, { ttl: true })),
    type === "A" ? [] : orNothing(name, resolver.resolve6(name, { ttl: true })),
  ]);
  const all = [...four, ...six].filter(
    ({ address }) => !NOWHERE.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"),
  );
  return {
    addresses: all.map(({ address }) => address),
    ttlSeconds: least(all.map(({ ttl }) => ttl)),
  };
}

async function orNothing<Answer>(name: string, asked: Promise<Answer[]>): Promise<Answer[]> {
  try {
    return await asked;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (NOTHING.has(code)) return [];
    const why = code === "" ? String(error) : code;
    throw new LookupFailedError(`${name}: the DNS does not answer (${why})`, { cause: error });
  }
}

/** In one order whatever the server's, each once. */
function bounded(name: string, endpoints: readonly Endpoint[]): Endpoint[] {
  const keyOf = ({ address, port }: Endpoint) => `${address} ${port}`;
  const byKey = new Map(endpoints.map((one) => [keyOf(one), one]));
  if (byKey.size > MAX_ENDPOINTS) {
    throw new LookupFailedError(
      `${name}: ${byKey.size} addresses, more than the ${MAX_ENDPOINTS} that are taken`,
    );
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
