import type { TurnedAwayReason } from "@heddle/contracts";

const WORDS: Readonly<Record<TurnedAwayReason, string>> = {
  plaintext: "it speaks plaintext",
  "no-certificate": "it speaks TLS, but shows no certificate",
  "wrong-trust-domain": "its certificate is of another trust domain",
  expired: "its certificate has expired",
  revoked: "its certificate is revoked",
  untrusted: "its certificate is signed by nobody the mesh trusts",
};

/** Why a caller is turned away; "" where its proxies have not said yet. */
export function reasonsInWords(reasons: readonly TurnedAwayReason[]): string {
  return reasons.map((reason) => WORDS[reason]).join("; ");
}
