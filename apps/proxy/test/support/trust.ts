import { X509Certificate } from "node:crypto";
import type { TestContext } from "node:test";
import tls from "node:tls";
import type { TrustResource } from "@heddle/contracts";
import type { TestAuthority, TestCertificate } from "@heddle/testkit";
import type { HeldIdentity } from "../../src/identity/held-identity.ts";

type Told = {
  readonly own: TestAuthority;
  readonly aliases?: readonly string[];
  readonly others?: readonly TestAuthority[];
  readonly roots?: readonly TestAuthority[];
  readonly revoked?: readonly TestCertificate[];
};

export function serialOf({ chainPem }: TestCertificate): string {
  return new X509Certificate(chainPem).serialNumber.toLowerCase();
}

/** What the control plane says of trust; `roots` of the own domain beside `own`'s. */
export function trustResource(told: Told): TrustResource {
  const { own, aliases = [], others = [], roots = [], revoked = [] } = told;
  const pem = [own, ...roots].map(({ trustBundlePem }) => trustBundlePem).join("");
  return {
    kind: "trust",
    key: "trust/mesh",
    version: "1",
    trustDomain: own.trustDomain,
    trustDomainAliases: [...aliases],
    bundles: [
      { trustDomain: own.trustDomain, pem },
      ...others.map(({ trustDomain, trustBundlePem }) => ({ trustDomain, pem: trustBundlePem })),
    ],
    revoked: revoked.map((one) => ({
      serialNumber: serialOf(one),
      notAfterMs: Date.now() + 60_000,
    })),
    revision: 1,
  };
}

/** Lets it hold for an identity. */
export function tell({ trust }: HeldIdentity, told: Told): void {
  trust.prepare(trustResource(told))();
}

/** Shakes hands as a sidecar of HTTP/1.1, trusting `ca`, and asks once; the status, or why there is none. */
export function callAs(
  t: TestContext,
  port: number,
  shown: TestCertificate | undefined,
  ca: string,
  session?: Buffer,
): Promise<{
  readonly answer: string;
  readonly session: Buffer | undefined;
  readonly isReused: boolean;
}> {
  const socket = tls.connect({
    port,
    host: "127.0.0.1",
    ...(shown && { key: shown.keyPem, cert: shown.chainPem }),
    ca,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ["istio-http/1.1"],
    ...(session !== undefined && { session }),
  });
  t.after(() => socket.destroy());
  return new Promise((resolve) => {
    let text = "";
    let ticket: Buffer | undefined;
    socket.on("session", (given: Buffer) => (ticket = given));
    let isReused = false;
    socket.once("secureConnect", () => (isReused = socket.isSessionReused()));
    socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
    socket.on("error", () => {});
    socket.on("close", () =>
      resolve({
        answer: /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? "refused",
        session: ticket,
        isReused,
      }),
    );
    socket.write("GET / HTTP/1.1\r\nHost: reviews\r\nConnection: close\r\n\r\n");
  });
}
