import { X509Certificate } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";

/** The root at the end of the chain the control plane shows, as PEM. */
export async function fetchRoot(port: number): Promise<string> {
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const opened = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () =>
      resolve(opened),
    );
    opened.once("error", reject);
  });
  let certificate = socket.getPeerCertificate(true);
  while (certificate.issuerCertificate.fingerprint256 !== certificate.fingerprint256) {
    certificate = certificate.issuerCertificate;
  }
  const root = new X509Certificate(certificate.raw).toString();
  socket.destroy();
  return root;
}
