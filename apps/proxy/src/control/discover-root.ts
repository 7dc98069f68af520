import { createHash } from "node:crypto";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { serverNameOfRoot } from "@heddle/contracts/control-stream";
import { HeddleError } from "@heddle/runtime";
import type { ControlPlaneAddress } from "./control-plane-address.ts";

const DEADLINE_MS = 5_000;
const MAX_CHAIN = 10;

/** The server is not the one the join token was made for. Nothing was sent to it. */
export class WrongRootError extends HeddleError {
  override readonly name = "WrongRootError";
  constructor(address: ControlPlaneAddress, wanted: string, seen: readonly string[]) {
    super(
      "HEDDLE_WRONG_ROOT",
      `the control plane at ${address.host}:${address.port} is not the one the join token was made for: ` +
        `its root should have the SHA-256 ${wanted}, it shows ${seen.join(", ") || "no certificate"}`,
    );
  }
}

/**
 * Reads the chain the server shows, without trusting or sending anything, and returns the certificate
 * (PEM) whose hash is `rootHash`, as kubeadm's discovery hash does. Whoever connects next verifies
 * the server against it. Throws `WrongRootError`, or the connection's error.
 */
export async function discoverRoot(
  address: ControlPlaneAddress,
  rootHash: string,
): Promise<string> {
  const chain = await readChain(address, rootHash);
  const seen = chain.map((raw) => createHash("sha256").update(raw).digest("base64url"));
  const root = chain[seen.indexOf(rootHash)];
  if (root === undefined) throw new WrongRootError(address, rootHash, seen);
  const base64 = root.toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

function readChain({ host, port }: ControlPlaneAddress, rootHash: string): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      minVersion: "TLSv1.3",
      servername: serverNameOfRoot(Buffer.from(rootHash, "base64url").toString("hex")),
      // Only to read the chain; the connection that says something is a verified one.
      rejectUnauthorized: false,
      timeout: DEADLINE_MS,
    });
    socket.once("timeout", () =>
      socket.destroy(
        new Error(`${host}:${port} did not finish a TLS handshake in ${DEADLINE_MS} ms`),
      ),
    );
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      const chain = chainOf(socket.getPeerCertificate(true));
      socket.destroy();
      resolve(chain);
    });
  });
}

function chainOf(leaf: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = [];
  let certificate: DetailedPeerCertificate | undefined = leaf;
  while (certificate?.raw && chain.length < MAX_CHAIN) {
    chain.push(certificate.raw);
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer; // a root is its own issuer
  }
  return chain;
}
