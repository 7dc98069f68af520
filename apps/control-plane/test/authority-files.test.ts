import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { type TestContext, test } from "node:test";
import type { IdentityResponse, RotationsResponse } from "@heddle/contracts";
import { createLogger } from "@heddle/runtime";
import { startDatabase, waitFor } from "@heddle/testkit";
import * as x509 from "@peculiar/x509";
import { readAuthorityFiles } from "../src/certificates/authority-files.ts";
import { isUnder, RotatingProxy } from "./rotating-proxy.ts";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";

const SLOW_MS = 60_000;
const DAY_MS = 86_400_000;
const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const P384 = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};
const WEAK_RSA = { ...RSA, modulusLength: 1024 };

type Made = {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly algorithm: typeof P256 | typeof RSA;
};

type Wish = {
  readonly issuer?: Made;
  readonly algorithm?: typeof P256 | typeof RSA;
  readonly isAuthority?: boolean;
  readonly pathLength?: number;
  readonly usages?: x509.KeyUsageFlags;
  readonly startsMs?: number;
  readonly endsMs?: number;
};

async function make(name: string, wish: Wish = {}): Promise<Made> {
  const { issuer, algorithm = P256, isAuthority = true } = wish;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString("hex"),
    subject: `CN=${name}`,
    issuer: issuer?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(Date.now() + (wish.startsMs ?? -60_000)),
    notAfter: new Date(Date.now() + (wish.endsMs ?? DAY_MS)),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: issuer?.algorithm ?? algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority, wish.pathLength, true),
      new x509.KeyUsagesExtension(wish.usages ?? x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return { certificate, keys, algorithm };
}

async function keyPem({ keys }: Made): Promise<string> {
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return x509.PemConverter.encode(pkcs8, "PRIVATE KEY");
}

function folder(t: TestContext): (name: string, text: string) => string {
  const path = mkdtempSync(joinPath(tmpdir(), "heddle-ca-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return (name, text) => {
    const file = joinPath(path, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
}

/** The three files; `roots` may hold several. */
async function files(t: TestContext, chain: readonly Made[], roots: readonly Made[], key?: string) {
  const write = folder(t);
  const pems = (made: readonly Made[]) =>
    made.map(({ certificate }) => certificate.toString("pem")).join("\n");
  const [first] = chain;
  assert.ok(first);
  return {
    certificate: write("ca.pem", pems(chain)),
    key: write("ca.key", key ?? (await keyPem(first))),
    roots: write("roots.pem", pems(roots)),
  };
}

const logger = createLogger("test", "fatal");
const root = () => make("the root");

const faulty: Record<
  string,
  {
    readonly chain: () => Promise<{ chain: Made[]; roots: Made[]; key?: string }>;
    readonly says: RegExp;
  }
> = {
  "that is no authority": {
    chain: async () => {
      const top = await root();
      return { chain: [await make("leaf", { issuer: top, isAuthority: false })], roots: [top] };
    },
    says: /HEDDLE_CA_CERT_FILE: .*"CN=leaf" is not an authority \(basicConstraints without CA:TRUE\)/,
  },
  "that may not sign": {
    chain: async () => {
      const top = await root();
      const usages = x509.KeyUsageFlags.digitalSignature;
      return { chain: [await make("mute", { issuer: top, usages })], roots: [top] };
    },
    says: /"CN=mute" may not sign certificates \(keyUsage without keyCertSign\)/,
  },
  "with the key of another": {
    chain: async () => {
      const top = await root();
      const key = await keyPem(await make("other"));
      return { chain: [await make("ours", { issuer: top })], roots: [top], key };
    },
    says: /HEDDLE_CA_KEY_FILE: .*is not the key of "CN=ours"/,
  },
  "that has expired": {
    chain: async () => {
      const top = await root();
      return {
        chain: [await make("old", { issuer: top, startsMs: -9000, endsMs: -1000 })],
        roots: [top],
      };
    },
    says: /"CN=old" has expired on /,
  },
  "that is not valid yet": {
    chain: async () => {
      const top = await root();
      return { chain: [await make("young", { issuer: top, startsMs: 60_000 })], roots: [top] };
    },
    says: /"CN=young" is not valid before /,
  },
  "with a weak key": {
    chain: async () => {
      const top = await root();
      return { chain: [await make("weak", { issuer: top, algorithm: WEAK_RSA })], roots: [top] };
    },
    says: /is RSA of 1024 bits; expected ECDSA P-256, ECDSA P-384 or RSA of at least 2048 bits/,
  },
  "that is a root itself": {
    chain: async () => {
      const top = await root();
      return { chain: [top], roots: [top] };
    },
    says: /"CN=the root" is a root \(it signed itself\); give an intermediate here/,
  },
  "of another root": {
    chain: async () => ({
      chain: [await make("stray", { issuer: await make("elsewhere") })],
      roots: [await root()],
    }),
    says: /"CN=stray" is signed by none of the roots in HEDDLE_CA_ROOT_FILE/,
  },
  "with a gap in its chain": {
    chain: async () => {
      const top = await root();
      const middle = await make("middle", { issuer: top });
      return {
        chain: [await make("low", { issuer: middle }), await make("x", { issuer: top })],
        roots: [top],
      };
    },
    says: /"CN=low" is not signed by the certificate after it/,
  },
  "below a path that is too short": {
    chain: async () => {
      const top = await make("short root", { pathLength: 0 });
      return { chain: [await make("low", { issuer: top })], roots: [top] };
    },
    says: /"CN=short root" allows 0 authorities below it \(pathlen\), there are 1/,
  },
  "whose root is none": {
    chain: async () => {
      const top = await root();
      const middle = await make("middle", { issuer: top });
      return { chain: [await make("low", { issuer: middle })], roots: [middle] };
    },
    says: /HEDDLE_CA_ROOT_FILE: .*"CN=middle" is not a root: it is not signed by itself/,
  },
  "with an encrypted key": {
    chain: async () => {
      const top = await root();
      const key =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
      return { chain: [await make("ours", { issuer: top })], roots: [top], key };
    },
    says: /HEDDLE_CA_KEY_FILE: .*is encrypted with a passphrase/,
  },
};
for (const [what, { chain, says }] of Object.entries(faulty)) {
  test(`an authority from files ${what} is refused in words`, async (t) => {
    const made = await chain();
    const names = await files(t, made.chain, made.roots, made.key);
    await assert.rejects(readAuthorityFiles(names, Date.now(), logger), (error: Error) => {
      assert.match(error.message, says);
      return true;
    });
  });
}

test("files that are not there, or hold something else, are named all at once", async (t) => {
  const write = folder(t);
  const names = { certificate: "/nowhere/ca.pem", key: write("k", "x"), roots: write("r", "y") };
  await assert.rejects(readAuthorityFiles(names, Date.now(), logger), (error: Error) => {
    assert.match(
      error.message,
      /HEDDLE_CA_CERT_FILE: \/nowhere\/ca.pem: cannot be read \(ENOENT\)/,
    );
    assert.match(error.message, /HEDDLE_CA_KEY_FILE: .*holds no private key in PEM/);
    assert.match(error.message, /HEDDLE_CA_ROOT_FILE: .*holds no certificate in PEM/);
    return true;
  });
});

for (const [name, algorithm] of Object.entries({ "P-256": P256, "P-384": P384, RSA })) {
  test(`an intermediate with a ${name} key, two steps below its root, signs a mesh's leaves`, async (t) => {
    const top = await make("the root", { algorithm });
    const middle = await make("middle", { issuer: top, algorithm });
    const low = await make("low", { issuer: middle, algorithm, pathLength: 0 });
    const caFiles = await files(t, [low, middle], [top]);
    const plane = await runControlPlane(t, (await startDatabase(t)).url, { caFiles });
    const proxy = await joined(t, plane);
    for (const chainPem of proxy.held.values()) {
      assert.equal(chainPem.match(/BEGIN CERTIFICATE/g)?.length, 3);
      assert.ok(isUnder(chainPem, top.certificate.toString("pem")));
    }
    const { body } = await plane.call<IdentityResponse>("GET", "/identity");
    assert.deepEqual(
      body.authorities.map(({ role, key }) => [role, key]),
      [
        ["root", "files"],
        ["intermediate", "files"],
      ],
    );
    const refused = await plane.call("POST", "/identity/rotations", { of: "root" });
    assert.equal(refused.status, 409);
    assert.match(refused.body.detail, /the authority comes from files/);
  });
}

test("a mesh with a root of its own moves to one from files by a rotation, and no proxy falls out", async (t) => {
  const { url } = await startDatabase(t);
  const own = await runControlPlane(t, url);
  const proxy = await joined(t, own);
  const before = proxy.believedRoots;
  const { controlPort, adminPort } = own;
  await own.close();
  const top = await root();
  const caFiles = await files(t, [await make("low", { issuer: top })], [top]);
  const plane = await runControlPlane(t, url, { caFiles, controlPort, adminPort });
  await proxy.reconnect(plane.controlPort);
  await waitFor("the rotation's end", SLOW_MS, async () => {
    assert.ok(proxy.isBelievedBy(proxy));
    const { body } = await plane.call<RotationsResponse>("GET", "/identity/rotations");
    return body.current === undefined && body.past[0]?.step === "done";
  });
  await waitFor("belief", SLOW_MS, () => proxy.believedRoots.length === 1);
  assert.notDeepEqual(proxy.believedRoots, before);
  await plane.close();
  await assert.rejects(
    runControlPlane(t, url),
    /HEDDLE_CA_CERT_FILE: required: this mesh's certificates are signed by CN=low/,
  );
});

async function joined(t: TestContext, plane: RunningControlPlane): Promise<RotatingProxy> {
  const token = await plane.joinToken();
  const proxy = await RotatingProxy.join(t, plane.controlPort, token, "reviews-v1");
  await waitFor("certificates", SLOW_MS, () => proxy.held.size === 2);
  return proxy;
}
