import { createHash, X509Certificate } from "node:crypto";
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from "node:tls";
import { serverNameOfRoot } from "@heddle/contracts/control-stream";

/** Where the control plane listens for proxies. */
export type ControlPlaneAddress = { readonly host: string; readonly port: number };

const ADDRESS = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;

/** `host:port`, IPv6 in brackets. `undefined`: something else. */
function parseControlPlaneAddress(text: string): ControlPlaneAddress | undefined {
  const [, host = "", port = ""] = ADDRESS.exec(text) ?? [];
  if (host === "" || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

const MAX_ADDRESSES = 16;

/** One `host:port` or several, separated by commas, at most 16. `undefined`: something else. */
export function parseControlPlaneAddresses(text: string): ControlPlaneAddress[] | undefined {
  const names = [...new Set(text.split(",").map((name) => name.trim()))];
  const addresses = names.flatMap((name) => parseControlPlaneAddress(name) ?? []);
  if (addresses.length !== names.length || addresses.length > MAX_ADDRESSES) return undefined;
  return addresses;
}

/**
 * How every connection to the control plane checks who answers. One root signs all of the mesh, so a
 * workload's certificate would pass for the server's if its name were not looked at: the server's has
 * host names and no SPIFFE id, a workload's has a SPIFFE id and no host name.
 */
export function serverChecks(host: string, ca: string[]): ConnectionOptions {
  const [root] = ca;
  return {
    ca,
    minVersion: "TLSv1.3",
    rejectUnauthorized: true,
    // Of several chains the server shows the one that ends in a root we know, be it of long ago.
    ...(root === undefined ? {} : { servername: serverNameOf(root) }),
    checkServerIdentity: (_, certificate) => refuseImpostor(host, certificate),
  };
}

function serverNameOf(rootPem: string): string {
  return serverNameOfRoot(
    createHash("sha256").update(new X509Certificate(rootPem).raw).digest("hex"),
  );
}

function refuseImpostor(host: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname?.includes("URI:")) {
    return new Error(`${host} shows the certificate of a workload, not the control plane's`);
  }
  return checkServerIdentity(host, certificate);
}
