import type { TLSSocket } from "node:tls";
import { parseSpiffeId } from "@heddle/mesh";
import type { PeerLabels } from "../core/traffic-recorder.ts";

/** Who calls over mTLS, worked out once per connection. */
export type MeshPeer = {
  readonly labels: PeerLabels;
  /** This hop's element of `x-forwarded-client-cert`, without `By`. */
  readonly certificateElement: string;
};

/**
 * The caller behind a verified client certificate: its one URI name must be a workload of
 * `trustDomain`. A text says why it is not.
 */
export function readPeer(socket: TLSSocket, trustDomain: string): MeshPeer | string {
  const certificate = socket.getPeerCertificate();
  const names = (certificate.subjectaltname ?? "").split(", ").filter((name) => name !== "");
  const uris = names.filter((name) => name.startsWith("URI:")).map((name) => name.slice(4));
  const [uri] = uris;
  if (uri === undefined || uris.length > 1) {
    return `the client certificate has ${uris.length} URI names, not one`;
  }
  const id = parseSpiffeId(uri);
  if (id === undefined) return `${uri} is not the identity of a workload`;
  if (id.trustDomain !== trustDomain) {
    return `${uri} is of the trust domain ${id.trustDomain}, not of ${trustDomain}`;
  }
  const { CN, O, OU } = certificate.subject ?? {};
  const service = first(O) ?? id.workload.name;
  return {
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
