import type { X509Certificate } from "node:crypto";
import type { TurnedAwayReason } from "@heddle/contracts/control-stream";

/** Why a certificate is not taken. */
export type PeerFault = { readonly reason: TurnedAwayReason; readonly message: string };

/** A peer as its certificate proves it; one object for all connections that show the same. */
export type KnownPeer = {
  /** The one URI name. */
  readonly uri: string;
  readonly trustDomain: string;
  /** Of the leaf and of each authority above it. */
  readonly serialNumbers: readonly string[];
  /** SHA-256 of the root that vouches for it. */
  readonly rootFingerprint: string;
};

/** A connection with a peer on it, for the day on which the peer is not taken any more. */
export type StandingPeer = {
  readonly peer: KnownPeer;
  /** Takes nothing new, and finishes what is under way. */
  leave(): void;
  /** Ends at once. */
  cut(): void;
};

/** Whom the mesh believes now. */
export interface PeerTrust {
  /**
   * Who shows this certificate, after TLS has verified its chain against the roots of all domains: TLS cannot
   * know that only a domain's own roots may speak for its identities, nor what was revoked.
   */
  admit(leaf: X509Certificate | undefined): KnownPeer | PeerFault;
  /** Why TLS itself refuses a certificate; `code` is OpenSSL's. What the certificate says of itself is not proven. */
  explain(leaf: X509Certificate | undefined, code: string): PeerFault;
  /** Holds a connection to what is believed from now on. What is returned ends that. */
  hold(standing: StandingPeer): () => void;
  /** Letter by letter, or but for the mesh's own domain and its aliases. */
  isSameIdentity(shown: string, expected: string): boolean;
}

export function isFault(found: KnownPeer | PeerFault): found is PeerFault {
  return "reason" in found;
}
