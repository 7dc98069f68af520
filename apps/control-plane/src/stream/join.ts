import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { JoinRequest, type JoinResponse, type Problem, type ProblemCode } from "@heddle/contracts";
import { admitProxy, type ConfigDb, DatabaseUnavailableError, findJoinToken } from "@heddle/store";
import { problem } from "../api/problem.ts";
import { CannotSignError } from "../certificates/authority-errors.ts";
import type { CertificateAuthority } from "../certificates/certificate-authority.ts";
import type { CertificateLedger } from "../certificates/certificate-ledger.ts";
import { isSecretOf, parseJoinToken } from "../certificates/join-token.ts";
import { CsrRefusedError } from "../certificates/sign-certificate.ts";
import type { Registry } from "../registry/registry.ts";
import type { ForeignRegistry } from "../replicas/foreign-registry.ts";
import type { StreamRefusal } from "./stream-refusals.ts";

export type JoinOutcome =
  | { readonly ok: true; readonly response: JoinResponse }
  | { readonly ok: false; readonly problem: Problem };

export type JoinParts = {
  readonly db: ConfigDb;
  readonly authority: CertificateAuthority;
  readonly ledger: CertificateLedger;
  readonly registry: Registry;
  readonly trustDomain: string;
  /** What other control planes know of a proxy that says it is back. */
  readonly foreign: Pick<ForeignRegistry, "refresh">;
};

/** Lets a proxy into the mesh: checks its token and request, takes one use, signs its certificate. */
export async function join(parts: JoinParts, body: unknown): Promise<JoinOutcome> {
  const request = JoinRequest.safeParse(body);
  if (!request.success) {
    const fields = request.error.issues.map((issue) => issue.path.join(".")).join(", ");
    return refuse(
      400,
      "HEDDLE_BAD_REQUEST",
      `expected token, csrPem and proxyName; faulty: ${fields}`,
    );
  }
  const { proxyName } = request.data;
  if (!PROXY_NAME.test(proxyName)) {
    return refuse(400, "HEDDLE_BAD_REQUEST", "proxyName: expected 1 to 128 printable characters");
  }
  try {
    return await admit(parts, request.data);
  } catch (error) {
    if (error instanceof CsrRefusedError) return refuse(400, error.code, error.message);
    if (error instanceof CannotSignError) return refuse(503, "HEDDLE_CANNOT_SIGN", error.message);
    if (error instanceof DatabaseUnavailableError) {
      return refuse(503, error.code, "the database is away, no proxy can join now; try again");
    }
    throw error;
  }
}

const PROXY_NAME = /^[\x20-\x7e]{1,128}$/;

async function admit(
  { db, authority, ledger, registry, trustDomain, foreign }: JoinParts,
  { token, csrPem, proxyName, previous }: JoinRequest,
): Promise<JoinOutcome> {
  const parts = parseJoinToken(token);
  const stored = parts && (await findJoinToken(db, parts.id));
  if (!parts || !stored || !isSecretOf(stored.secretHash, parts.secret)) {
    return refuse(401, "HEDDLE_JOIN_TOKEN_REFUSED", "the join token is not one of this mesh");
  }
  if (stored.revoked) {
    return refuse(
      401,
      "HEDDLE_JOIN_TOKEN_REVOKED",
      "the join token was revoked; ask for a new one",
    );
  }
  if (previous) await foreign.refresh(previous.proxyId);
  const isBack = previous !== undefined && isOwner(registry, previous, csrPem);
  const proxyId = isBack ? previous.proxyId : `px-${randomBytes(8).toString("hex")}`;
  const nowMs = Date.now();
  // Signed before the use is taken, so that a bad request does not cost one.
  const certificate = await authority.issueProxy(proxyId, csrPem);
  const { keyHash: ownKeyHash, serialNumber } = certificate;
  const proxy = { id: proxyId, name: proxyName, version: "", ownKeyHash };
  if (!(await admitProxy(db, parts.id, proxy))) {
    const why = stored.expiresAtMs <= nowMs ? "has expired" : "has no uses left";
    return refuse(401, "HEDDLE_JOIN_TOKEN_SPENT", `the join token ${why}; ask for a new one`);
  }
  if (isBack && registry.findProxy(proxyId)?.revokedAtMs !== undefined) {
    const why = "the proxy was put out of the mesh meanwhile; start it with an empty data folder";
    return refuse(401, "HEDDLE_PROXY_REVOKED", why);
  }
  const { namespace, workload } = stored;
  registry.addProxy({ ...proxy, lastSeenAtMs: nowMs, namespace, workload });
  ledger.issued({ ...certificate, proxyId, workload: undefined });
  ledger.installed(proxyId, { workload: null, serialNumber });
  return {
    ok: true,
    response: {
      proxyId,
      certificatePem: certificate.chainPem,
      trustBundlePem: authority.trustBundlePem,
      trustDomain,
    },
  };
}

/** Whether the asker holds the key of that proxy's last own certificate: then it is that proxy. */
function isOwner(
  registry: Registry,
  { proxyId, publicKeyPem, signature }: NonNullable<JoinRequest["previous"]>,
  csrPem: string,
): boolean {
  const proxy = registry.findProxy(proxyId);
  if (proxy?.ownKeyHash === undefined || proxy.revokedAtMs !== undefined) return false;
  try {
    const key = createPublicKey(publicKeyPem);
    const der = key.export({ type: "spki", format: "der" });
    const isItsKey = createHash("sha256").update(der).digest("base64url") === proxy.ownKeyHash;
    const text = Buffer.from(csrPem, "utf8");
    return isItsKey && verify("sha256", text, key, Buffer.from(signature, "base64"));
  } catch {
    return false; // neither key nor signature: it gets an id of its own, as every newcomer
  }
}

function refuse(status: number, code: StreamRefusal | ProblemCode, detail: string): JoinOutcome {
  return { ok: false, problem: problem(status, code, detail) };
}
