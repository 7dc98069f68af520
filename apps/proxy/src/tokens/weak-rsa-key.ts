/** A chip's faulty library makes moduli that are powers of 65537 modulo every small prime (CVE-2017-15361). */
const GENERATOR = 65_537;
const PRIMES = [...[11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]];

/** Which remainders of each prime a ROCA modulus can have. */
const REMAINDERS = PRIMES.map((prime) => {
  const reached = new Set<number>();
  for (let power = 1; !reached.has(power); power = (power * GENERATOR) % prime) reached.add(power);
  return { prime: BigInt(prime), reached };
});

const MIN_BITS = 2_048;
const MIN_EXPONENT = 3n;

/** Why nobody should believe what an RSA key signs; `undefined`: nothing is known against it. */
export function findRsaWeakness(modulus: Buffer, exponent: Buffer): string | undefined {
  const n = toInteger(modulus);
  const e = toInteger(exponent);
  const bits = n.toString(2).length;
  if (bits < MIN_BITS) return `an RSA key of ${bits} bits, at least ${MIN_BITS} are wanted`;
  if (e < MIN_EXPONENT || e % 2n === 0n) return `the RSA exponent ${e}, which signs nothing`;
  const isRoca = REMAINDERS.every(({ prime, reached }) => reached.has(Number(n % prime)));
  return isRoca ? "an RSA key that can be factored (ROCA, CVE-2017-15361)" : undefined;
}

function toInteger(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString("hex")}`);
}
