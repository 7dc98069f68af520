import { createHash, X509Certificate } from "node:crypto";
import { TRUST_KEY, type TrustResource } from "@heddle/contracts";
import type { ConfigSnapshot } from "./config-snapshot.ts";
import { contentVersion } from "./content-version.ts";

/** What the mesh's own authority says of trust. */
export type AuthorityTrust = {
  /** Roots, PEM, one text each; the one that signs now first. */
  readonly rootPems: readonly string[];
  readonly revoked: readonly { readonly serialNumber: string; readonly notAfterMs: number }[];
};

const MAX_REMEMBERED = 1000;

/** Whom proxies are told to believe, made from the authority and MeshConfig; and what earlier ones said. */
export class MeshTrust {
  readonly #trustDomain: string;
  readonly #rootsOfVersion = new Map<string, readonly string[]>();
  #authority: AuthorityTrust | undefined;
  #resource: TrustResource | undefined;

  constructor(trustDomain: string) {
    this.#trustDomain = trustDomain;
  }

  /** What it has said last. */
  get authority(): AuthorityTrust | undefined {
    return this.#authority;
  }

  /** `undefined`: no authority has spoken yet. */
  get resource(): TrustResource | undefined {
    return this.#resource;
  }

  /** SHA-256 (base64url) of the mesh's own roots in a version of the resource; `undefined`: not one of late. */
  rootsOf(version: string): readonly string[] | undefined {
    return this.#rootsOfVersion.get(version);
  }

  setAuthority(authority: AuthorityTrust, snapshot: ConfigSnapshot): boolean {
    this.#authority = authority;
    return this.update(snapshot);
  }

  /** Makes the resource anew; whether it says something else now. */
  update(snapshot: ConfigSnapshot): boolean {
    if (!this.#authority) return false;
    const { rootPems, revoked } = this.#authority;
    const { resource: meshConfig, revision = 0 } = snapshot.meshConfig ?? {};
    const trustDomainAliases = [...(meshConfig?.trustDomainAliases ?? [])];
    const own = new Set([this.#trustDomain, ...trustDomainAliases]);
    const pems = new Map<string, string[]>([[this.#trustDomain, [...rootPems]]]);
    for (const { pem, trustDomains } of meshConfig?.caCertificates ?? []) {
      const named = trustDomains.map((one) => (own.has(one) ? this.#trustDomain : one));
      for (const domain of new Set(named.length === 0 ? [this.#trustDomain] : named)) {
        pems.set(domain, [...(pems.get(domain) ?? []), pem]);
      }
    }
    const content = {
      kind: "trust" as const,
      key: TRUST_KEY,
      trustDomain: this.#trustDomain,
      trustDomainAliases,
      bundles: [...pems].map(([trustDomain, texts]) => ({ trustDomain, pem: joinPems(texts) })),
      revoked: revoked.map(({ serialNumber, notAfterMs }) => ({ serialNumber, notAfterMs })),
    };
    const version = contentVersion(content);
    if (version === this.#resource?.version) return false;
    this.#resource = { ...content, version, revision };
    this.#remember(version, content.bundles[0]?.pem ?? "");
    return true;
  }

  #remember(version: string, pem: string): void {
    this.#rootsOfVersion.set(version, splitPem(pem).map(hashOf));
    const [oldest] = this.#rootsOfVersion.keys();
    if (this.#rootsOfVersion.size > MAX_REMEMBERED && oldest) this.#rootsOfVersion.delete(oldest);
  }
}

/** The certificates of a PEM text, one by one. */
export function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

function joinPems(texts: readonly string[]): string {
  const each = texts.flatMap(splitPem).map((pem) => new X509Certificate(pem).toString().trimEnd());
  return [...new Set(each)].map((pem) => `${pem}\n`).join("");
}

function hashOf(pem: string): string {
  return createHash("sha256").update(new X509Certificate(pem).raw).digest("base64url");
}
