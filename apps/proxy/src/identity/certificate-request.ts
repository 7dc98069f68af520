import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { webcrypto } from "node:crypto";
import {
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A fresh key and the request for its certificate. The key never leaves the proxy. */
export type CertificateRequest = { readonly keyPem: string; readonly csrPem: string };

/** Makes an ECDSA P-256 key and a PKCS #10 request. The names in it are hints: the CA knows better. */
export async function createCertificateRequest(
  commonName: string,
  spiffeId: string | undefined,
): Promise<CertificateRequest> {
  const { subtle } = webcrypto;
  const keys = await subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create(
    {
      name: [{ CN: [commonName] }],
      keys,
      signingAlgorithm: ECDSA_P256,
      extensions:
        spiffeId === undefined
          ? []
          : [new SubjectAlternativeNameExtension([{ type: "url", value: spiffeId }])],
    },
    webcrypto,
  );
  const pkcs8 = await subtle.exportKey("pkcs8", keys.privateKey);
  return {
    keyPem: `${PemConverter.encode(pkcs8, "PRIVATE KEY")}\n`,
    csrPem: `${request.toString("pem")}\n`,
  };
}
