import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestAuthority } from "@heddle/testkit";
import type { CertificateFiles } from "./subject.ts";

/** Issues one workload's certificate and lays it down for the peers. */
export async function writeCertificates(
  folder: string,
  authority: TestAuthority,
): Promise<CertificateFiles> {
  const commonName = "reviews";
  const names = { namespace: "shop", workload: commonName, service: commonName };
  const { keyPem, chainPem } = await authority.issueWorkload(names);
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    key: file("key.pem", keyPem),
    chain: file("chain.pem", chainPem),
    bundle: file("bundle.pem", `${chainPem}\n${keyPem}`),
    roots: file("roots.pem", authority.trustBundlePem),
    commonName,
  };
}
