import { X509Certificate } from "node:crypto";
import type {
  ControlMessage,
  DumpedCertificate,
  ProxyMessage,
} from "@heddle/contracts/control-stream";
import type { WorkloadId } from "@heddle/mesh";
import type { HeldIdentity } from "../identity/held-identity.ts";
import type { AppliedConfiguration } from "./applied-configuration.ts";
import { withoutSecrets } from "./without-secrets.ts";

/** One answer holds resources of about so much; the control plane takes messages of four times that. */
const MAX_ANSWER_CHARS = 1_000_000;
const TOO_LARGE = { leftOut: `its content is longer than ${MAX_ANSWER_CHARS} characters` };
const MAX_DESTINATIONS = 10_000;
const MAX_CERTIFICATES = 1_100;

type Held = { readonly workload: WorkloadId | null; readonly identity: HeldIdentity };

/** What this proxy runs, from the key behind `after` on, as much as one answer may hold. */
export function dumpConfiguration(
  { id, after }: Extract<ControlMessage, { type: "dump" }>,
  configuration: AppliedConfiguration,
  held: readonly Held[],
): Extract<ProxyMessage, { type: "dumped" }> {
  const all = [...configuration.resources]
    .filter(({ key }) => after === undefined || key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const resources: { key: string; kind: string; version: string }[] = [];
  let chars = 0;
  for (const { key, kind, version, ...content } of all) {
    const shown = { key, kind, version, ...(withoutSecrets(content) as object) };
    const size = JSON.stringify(shown).length;
    if (chars + size > MAX_ANSWER_CHARS && resources.length > 0) break;
    chars += size;
    resources.push(size > MAX_ANSWER_CHARS ? { key, kind, version, ...TOO_LARGE } : shown);
  }
  const { revision, outboundTrafficPolicy, subscriptions, resolutions } = configuration.saved;
  const isFirst = after === undefined; // the rest of the answer is said once
  const services = new Map(resolutions.map((one) => [`${one.namespace} ${one.host}`, one.service]));
  const next = resources.length < all.length ? resources.at(-1)?.key : undefined;
  return {
    type: "dumped",
    id,
    revision,
    outboundTrafficPolicy,
    resources,
    certificates: isFirst ? held.flatMap(describe).slice(0, MAX_CERTIFICATES) : [],
    destinations: isFirst
      ? subscriptions.slice(0, MAX_DESTINATIONS).map(({ namespace, host }) => {
          return { namespace, host, service: services.get(`${namespace} ${host}`) ?? null };
        })
      : [],
    ...(next === undefined ? {} : { next }),
  };
}

function describe({ workload, identity }: Held): DumpedCertificate[] {
  if (identity.material === undefined) return [];
  const certificate = new X509Certificate(identity.material.chainPem);
  return [
    {
      workload,
      uri: identity.spiffeId ?? "",
      serialNumber: certificate.serialNumber.toLowerCase(),
      issuer: certificate.issuer.replaceAll("\n", ", "),
      notBeforeMs: certificate.validFromDate.getTime(),
      notAfterMs: certificate.validToDate.getTime(),
    },
  ];
}
