import type { Mirror } from "./route.ts";

/** Whether this request is copied to this mirror, given a draw in [0, 1); each mirror draws for itself. */
export function isMirrored(mirror: Pick<Mirror, "ratio">, draw: number): boolean {
  return draw < mirror.ratio;
}

/** `cart:80` → `cart-shadow:80`: how Envoy marks the host of a copy. */
export function shadowAuthority(authority: string): string {
  const colon = authority.lastIndexOf(":");
  if (colon <= authority.lastIndexOf("]")) return `${authority}-shadow`;
  return `${authority.slice(0, colon)}-shadow${authority.slice(colon)}`;
}
