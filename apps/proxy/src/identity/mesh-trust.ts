import type { X509Certificate } from "node:crypto";
import type { TrustResource } from "@heddle/contracts/control-stream";
import { isSameIdentity, speakerOf, type TrustDomains, trustDomainOf } from "@heddle/mesh";
import {
  isFault,
  type KnownPeer,
  type PeerFault,
  type PeerTrust,
  type StandingPeer,
} from "../core/peer-trust.ts";
import {
  CertificateMismatchError,
  chainOf,
  findAnchor,
  parseCertificates,
  plainSerial,
  splitPem,
  uriNamesOf,
} from "./certificate-chain.ts";

/** Peers whose chains were read; beyond it they are read again. */
const MAX_KNOWN = 4_096;
/** A revoked certificate's connections are gone within a second, whatever is under way on them. */
const REVOKED_CUT_MS = 800;
/** Those of another domain that is no longer trusted, or of its root, have some time for what is under way. */
const PARTED_CUT_MS = 30_000;

type Believed = {
  readonly domains: TrustDomains;
  readonly roots: ReadonlyMap<string, readonly X509Certificate[]>;
  readonly rootsPem: readonly string[];
  readonly revoked: ReadonlySet<string>;
};

const NOTHING: Believed = {
  domains: { own: "", aliases: [], others: [] },
  roots: new Map(),
  rootsPem: [],
  revoked: new Set(),
};

/** What a change of trust asks of those who use it. */
export type TrustChange = {
  /** Roots, domains or aliases are others: connections are made anew. */
  readonly isNewContext: boolean;
};

/**
 * Whom this proxy believes: at first the bundle its own certificate came with (`assume`), from the first
 * TrustResource on that alone (`prepare`), be it from disk. One for all of a proxy's identities.
 */
export class MeshTrust implements PeerTrust {
  #believed: Believed = NOTHING;
  #isTold = false;
  readonly #known = new Map<string, KnownPeer>();
  readonly #standing = new Set<StandingPeer>();
  readonly #listeners: ((change: TrustChange) => void)[] = [];

  /** Whether the control plane has said whom to believe, and not only sent a bundle along. */
  get isTold(): boolean {
    return this.#isTold;
  }

  get trustDomain(): string {
    return this.#believed.domains.own;
  }

  /** Of all domains, for TLS. */
  get rootsPem(): readonly string[] {
    return this.#believed.rootsPem;
  }

  get ownRoots(): readonly X509Certificate[] {
    return this.#believed.roots.get(this.trustDomain) ?? [];
  }

  get ownBundlePem(): string {
    return this.ownRoots.map((root) => root.toString()).join("");
  }

  get standingCount(): number {
    return this.#standing.size;
  }

  /** Called, in order, whenever something else holds. */
  onChange(listener: (change: TrustChange) => void): void {
    this.#listeners.push(listener);
  }

  /** The bundle that came with a certificate or a greeting; nothing once the control plane has told more. */
  assume(trustDomain: string, bundlePem: string): void {
    if (this.#isTold) return;
    const own = trustDomain === "" ? this.trustDomain : trustDomain;
    this.#replace(believe({ own, aliases: [], others: [] }, [[own, bundlePem]], []));
  }

  /**
   * Roots of the own domain that a join token has vouched for, beside those believed so far: the control plane's
   * are others than this proxy knew, and it can only tell so to who believes them.
   */
  learn(bundlePem: string): void {
    const { domains, roots, revoked } = this.#believed;
    const known = [...roots].map(([domain, list]): [string, string] => [
      domain,
      list.map((root) => root.toString()).join(""),
    ]);
    this.#replace(believe(domains, [...known, [domains.own, bundlePem]], [...revoked]));
  }

  /** Reads what holds from now on; calling what comes back lets it hold. Throws `CertificateMismatchError`. */
  prepare(resource: TrustResource): () => void {
    const { trustDomain: own, trustDomainAliases: aliases, bundles, revoked } = resource;
    const others = bundles.map((one) => one.trustDomain).filter((one) => one !== own);
    const next = believe(
      { own, aliases, others },
      bundles.map(({ trustDomain, pem }) => [trustDomain, pem]),
      revoked.map(({ serialNumber }) => serialNumber),
    );
    if ((next.roots.get(own)?.length ?? 0) === 0) {
      throw new CertificateMismatchError(`trust: bundles has no root of the own domain ${own}`);
    }
    return () => {
      this.#isTold = true;
      this.#replace(next);
    };
  }

  #replace(next: Believed): void {
    const before = this.#believed;
    const isNewContext = contextOf(before) !== contextOf(next);
    const isLess = [...next.revoked].some((serial) => !before.revoked.has(serial));
    this.#believed = next;
    if (!isNewContext && !isLess) return;
    this.#known.clear();
    const parting = [...this.#standing].flatMap((standing) => {
      const fault = this.#faultOf(standing.peer);
      return fault === undefined ? [] : [{ standing, fault }];
    });
    const change = { isNewContext: isNewContext || parting.length > 0 };
    for (const listener of this.#listeners) listener(change);
    for (const { standing, fault } of parting) {
      standing.leave();
      const cutMs = this.#cutMsOf(standing.peer, fault);
      if (cutMs === undefined) continue;
      setTimeout(() => {
        if (this.#standing.has(standing)) standing.cut();
      }, cutMs).unref();
    }
  }

  /** Of the mesh's own roots one leaves when all is signed anew: what is under way there has all its time. */
  #cutMsOf({ trustDomain }: KnownPeer, { reason }: PeerFault): number | undefined {
    if (reason === "revoked") return REVOKED_CUT_MS;
    const { domains } = this.#believed;
    return speakerOf(trustDomain, domains) === domains.own ? undefined : PARTED_CUT_MS;
  }

  admit(leaf: X509Certificate | undefined): KnownPeer | PeerFault {
    if (leaf === undefined) return { reason: "no-certificate", message: "it shows no certificate" };
    const known = this.#known.get(leaf.fingerprint256);
    if (known !== undefined) return known;
    const found = this.#read(leaf);
    if (isFault(found)) return found;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(leaf.fingerprint256, found);
    return found;
  }

  #read(leaf: X509Certificate): KnownPeer | PeerFault {
    const uris = uriNamesOf(leaf);
    const [uri = ""] = uris;
    const trustDomain = trustDomainOf(uri);
    if (uris.length !== 1 || trustDomain === undefined) {
      const message = `its certificate names ${uris.join(", ") || "no identity"}, not one SPIFFE id`;
      return { reason: "untrusted", message };
    }
    const speaker = speakerOf(trustDomain, this.#believed.domains);
    if (speaker === undefined) return this.#strangerOf(uri, trustDomain);
    const chain = chainOf(leaf);
    const anchor = findAnchor(chain, this.#believed.roots.get(speaker) ?? []);
    if (anchor === undefined) return unvouched(uri, speaker);
    const peer: KnownPeer = {
      uri,
      trustDomain,
      serialNumbers: chain.map(({ serialNumber }) => plainSerial(serialNumber)),
      rootFingerprint: anchor.fingerprint256,
    };
    return this.#faultOf(peer) ?? peer;
  }

  /** Why a peer that was admitted once would not be now. */
  #faultOf(peer: KnownPeer): PeerFault | undefined {
    const { domains, revoked, roots } = this.#believed;
    const { uri, trustDomain } = peer;
    const serial = peer.serialNumbers.find((one) => revoked.has(one));
    if (serial !== undefined) {
      return { reason: "revoked", message: `the certificate ${serial} of ${uri} is revoked` };
    }
    const speaker = speakerOf(trustDomain, domains);
    if (speaker === undefined) return this.#strangerOf(uri, trustDomain);
    const isVouched = roots
      .get(speaker)
      ?.some(({ fingerprint256 }) => fingerprint256 === peer.rootFingerprint);
    return isVouched ? undefined : unvouched(uri, speaker);
  }

  #strangerOf(uri: string, trustDomain: string): PeerFault {
    const { own, aliases, others } = this.#believed.domains;
    const taken = [own, ...aliases, ...others].join(", ");
    const message = `${uri} is of the trust domain ${trustDomain}, not of ${taken}`;
    return { reason: "wrong-trust-domain", message };
  }

  explain(leaf: X509Certificate | undefined, code: string): PeerFault {
    if (leaf === undefined) {
      return { reason: "no-certificate", message: `it shows no certificate (${code})` };
    }
    const uri = uriNamesOf(leaf)[0] ?? "nobody";
    const trustDomain = trustDomainOf(uri);
    if (trustDomain !== undefined && speakerOf(trustDomain, this.#believed.domains) === undefined) {
      return this.#strangerOf(uri, trustDomain);
    }
    if (code === "CERT_HAS_EXPIRED") {
      const message = `the certificate of ${uri}, or of who signed it, ended at ${leaf.validTo}`;
      return { reason: "expired", message };
    }
    return { reason: "untrusted", message: `the certificate of ${uri} is not trusted: ${code}` };
  }

  hold(standing: StandingPeer): () => void {
    this.#standing.add(standing);
    return () => this.#standing.delete(standing);
  }

  isSameIdentity(shown: string, expected: string): boolean {
    return isSameIdentity(shown, expected, this.#believed.domains);
  }
}

function believe(
  domains: TrustDomains,
  bundles: readonly (readonly [trustDomain: string, pem: string])[],
  revoked: readonly string[],
): Believed {
  const roots = new Map<string, X509Certificate[]>();
  for (const [trustDomain, pem] of bundles) {
    const read = parseCertificates(pem, `root of ${trustDomain}`);
    roots.set(trustDomain, [...(roots.get(trustDomain) ?? []), ...read]);
  }
  return {
    domains,
    roots,
    rootsPem: [...new Set(bundles.flatMap(([, pem]) => splitPem(pem)))],
    revoked: new Set(revoked.map(plainSerial)),
  };
}

/** Equal texts: nobody has to shake hands anew. */
function contextOf({ domains, roots }: Believed): string {
  const fingerprints = [...roots].map(([domain, list]) => [
    domain,
    list.map(({ fingerprint256 }) => fingerprint256),
  ]);
  return JSON.stringify([domains, fingerprints]);
}

function unvouched(uri: string, trustDomain: string): PeerFault {
  const message = `no root of ${trustDomain} vouches for the certificate of ${uri}`;
  return { reason: "untrusted", message };
}
