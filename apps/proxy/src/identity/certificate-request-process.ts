// Makes keys and certificate requests in a process of its own (see certificate-request.ts for why).
import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import { webcrypto } from "node:crypto";
import {
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";

const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** What the process is asked; `id` comes back with the answer. */
export type RequestOrder = {
  readonly id: number;
  readonly commonName: string;
  readonly spiffeId: string | undefined;
};

/** PKCS #8 and PKCS #10, both PEM. */
export type RequestAnswer = {
  readonly id: number;
  readonly keyPem: string;
  readonly csrPem: string;
};

// The channel's end, and with it the proxy's, ends this process.
process.on("message", (order: RequestOrder) => {
  // A rejection ends the process, and its owner rejects what was asked of it.
  void answer(order).then((made) => process.send?.(made));
});

async function answer({ id, commonName, spiffeId }: RequestOrder): Promise<RequestAnswer> {
  const { subtle } = webcrypto;
  const keys = await subtle.generateKey(ECDSA_P256, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create(
    {
      // The library reads "#", "," and their like as syntax; the name is a hint, so plain letters will do.
      name: [{ CN: [commonName.replaceAll(/[^A-Za-z0-9._-]/g, "-")] }],
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
    id,
    keyPem: `${PemConverter.encode(pkcs8, "PRIVATE KEY")}\n`,
    csrPem: `${request.toString("pem")}\n`,
  };
}
