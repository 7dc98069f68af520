import type { TLSSocket } from "node:tls";
import { parseSpiffeId } from "@heddle/mesh";
import { isFault, type KnownPeer, type PeerFault, type PeerTrust } from "../core/peer-trust.ts";
import type { PeerLabels } from "../core/traffic-recorder.ts";

/** Who calls over mTLS, worked out once per connection. */
export type MeshPeer = {
  readonly known: KnownPeer;
  readonly labels: PeerLabels;
  /** This hop's element of `x-forwarded-client-cert`, without `By`. */
  readonly certificateElement: string;
};

/**
 * The caller behind a certificate that TLS has verified: a workload of a trust domain that is believed, by a
 * root of that domain, and not revoked.
 */
export function readPeer(socket: TLSSocket, trust: PeerTrust): MeshPeer | PeerFault {
  const known = trust.admit(socket.getPeerX509Certificate());
  if (isFault(known)) return known;
  const { uri } = known;
  const id = parseSpiffeId(uri);
  if (id === undefined) {
    return { reason: "untrusted", message: `${uri} is not the identity of a workload` };
  }
  const certificate = socket.getPeerCertificate();
  const { CN, O, OU } = certificate.subject ?? {};
  const service = first(O) ?? id.workload.name;
  return {
    known,
    labels: {
      workload: id.workload.name,
      namespace: id.workload.namespace,
      service,
      version: first(OU) ?? "latest",
      principal: uri,
    },
    certificateElement: elementOf(
      certificate.fingerprint256,
      [
        ["OU", OU],
        ["O", O],
        ["CN", CN],
      ],
      uri,
    ),
  };
}

function first(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text === "" ? undefined : text;
}

type NamePart = readonly [key: string, value: string | string[] | undefined];

/** `Hash=<sha256>;Subject="<RFC 2253 name>";URI=<identity>` as Envoy writes it. */
function elementOf(fingerprint: string, name: readonly NamePart[], uri: string): string {
  const hash = fingerprint.replaceAll(":", "").toLowerCase();
  const subject = name
    .flatMap(([key, value]) => {
      const text = first(value);
      return text === undefined ? [] : [`${key}=${escapeName(text)}`];
    })
    .join(",");
  return `Hash=${hash};Subject="${quote(subject)}";URI=${uri}`;
}

/** RFC 2253 §2.4; what no header may hold becomes `?`. */
function escapeName(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").replace(/[,+"\\<>;]/g, "\\$&");
}

function quote(text: string): string {
  return text.replaceAll('"', '\\"');
}
