import type { ClientTls } from "@heddle/mesh";
import { z } from "zod";
import { fields, unserved, warnIf } from "../schema/field-status.ts";
import { withoutUndefined } from "./http-match.ts";

const MODES = ["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"] as const;
const OWN_CERTIFICATE = "a workload has its own certificate; give it in files of the proxy's host";

/** ClientTLSSettings; files are read on the proxy's host. */
export const clientTls = warnIf(
  fields({
    mode: z.enum(MODES).optional(),
    clientCertificate: z.string().optional(),
    privateKey: z.string().optional(),
    caCertificates: z.string().optional(),
    subjectAltNames: z.array(z.string().min(1)).optional(),
    sni: z.string().optional(),
    insecureSkipVerify: z.boolean().optional(),
    credentialName: unserved(
      `Kubernetes secrets are not read; ${OWN_CERTIFICATE} (clientCertificate, privateKey, caCertificates)`,
    ),
    caCrl: unserved(
      "revocation lists are not read; leave it out, or revoke at the certificate authority",
    ),
  }).transform((written, context): ClientTls => {
    const { mode = "DISABLE", caCertificates, subjectAltNames } = written;
    const issue = (message: string) => context.addIssue(message);
    const certificates = [written.clientCertificate, written.privateKey, caCertificates];
    if (mode === "MUTUAL") {
      if (!written.clientCertificate) issue("client certificate required for mutual tls");
      if (!written.privateKey) issue("private key required for mutual tls");
    }
    if (mode === "ISTIO_MUTUAL" && certificates.some(Boolean)) {
      issue(
        "ISTIO_MUTUAL uses the mesh's own certificates; leave out clientCertificate, privateKey and caCertificates",
      );
    }
    if (written.insecureSkipVerify && (mode === "SIMPLE" || mode === "MUTUAL")) {
      if (caCertificates || subjectAltNames !== undefined) {
        issue(
          "cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true",
        );
      }
    }
    return withoutUndefined({
      mode,
      sni: written.sni || undefined,
      subjectAltNames: subjectAltNames?.length ? subjectAltNames : undefined,
      caCertificatesFile: caCertificates || undefined,
      clientCertificateFile: written.clientCertificate || undefined,
      privateKeyFile: written.privateKey || undefined,
      skipsVerification: written.insecureSkipVerify,
    });
  }),
  ({ mode, insecureSkipVerify, subjectAltNames }) => {
    if (mode === undefined) {
      return "mode is not given, which means DISABLE: plaintext, whatever else is said; for the mesh's own mTLS leave tls out";
    }
    if (mode === "DISABLE") {
      return "requests go in plaintext; a server with STRICT mTLS will refuse them";
    }
    if (insecureSkipVerify) return "the server's certificate is not checked: anybody may answer";
    if (mode === "ISTIO_MUTUAL" && subjectAltNames !== undefined) {
      return "subjectAltNames replace the identities that Heddle knows of the service's endpoints";
    }
    return undefined;
  },
);
