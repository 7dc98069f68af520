import { X509Certificate } from "node:crypto";
import type { IdentityResponse, TrustResource } from "@heddle/contracts";
import { splitPem } from "../snapshot/mesh-trust.ts";

/** Roots of other trust domains, as proxies are told of them. */
export function foreignBundlesOf(
  trust: TrustResource | undefined,
): IdentityResponse["foreignBundles"] {
  const bundles = trust?.bundles ?? [];
  return bundles
    .filter((bundle) => bundle.trustDomain !== trust?.trustDomain)
    .map((bundle) => ({
      trustDomain: bundle.trustDomain,
      roots: splitPem(bundle.pem).map((pem) => {
        const { subject, fingerprint256, validToDate } = new X509Certificate(pem);
        return {
          subject: subject.replaceAll("\n", ", "),
          fingerprint: fingerprint256.replaceAll(":", "").toLowerCase(),
          notAfterMs: validToDate.getTime(),
        };
      }),
    }));
}
