import { randomBytes } from "node:crypto";
import { JoinRequest, type JoinResponse, type Problem } from "@heddle/contracts";
import { admitProxy, type ConfigDb, DatabaseUnavailableError, findJoinToken } from "@heddle/store";
import { problem } from "../api/problem.ts";
import {
  type CertificateAuthority,
  CsrRefusedError,
} from "../certificates/certificate-authority.ts";
import { isSecretOf, parseJoinToken } from "../certificates/join-token.ts";
import type { Registry } from "../registry/registry.ts";

export type JoinOutcome =
  | { readonly ok: true; readonly response: JoinResponse }
  | { readonly ok: false; readonly problem: Problem };

export type JoinParts = {
  readonly db: ConfigDb;
  readonly authority: CertificateAuthority;
  readonly registry: Registry;
  readonly trustDomain: string;
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
  const { token, csrPem, proxyName } = request.data;
  if (!PROXY_NAME.test(proxyName)) {
    return refuse(400, "HEDDLE_BAD_REQUEST", "proxyName: expected 1 to 128 printable characters");
  }
  try {
    return await admit(parts, token, csrPem, proxyName);
  } catch (error) {
    if (error instanceof CsrRefusedError) return refuse(400, error.code, error.message);
    if (error instanceof DatabaseUnavailableError) {
      return refuse(503, error.code, "the database is away, no proxy can join now; try again");
    }
    throw error;
  }
}

const PROXY_NAME = /^[\x20-\x7e]{1,128}$/;

async function admit(
  { db, authority, registry, trustDomain }: JoinParts,
  token: string,
  csrPem: string,
  proxyName: string,
): Promise<JoinOutcome> {
  const parts = parseJoinToken(token);
  const stored = parts && (await findJoinToken(db, parts.id));
  if (!parts || !stored || !isSecretOf(stored.secretHash, parts.secret)) {
    return refuse(401, "HEDDLE_JOIN_TOKEN_REFUSED", "the join token is not one of this mesh");
  }
  const proxyId = `px-${randomBytes(8).toString("hex")}`;
  const nowMs = Date.now();
  // Signed before the use is taken, so that a bad request does not cost one.
  const certificate = await authority.issueProxy(proxyId, csrPem);
  const proxy = { id: proxyId, name: proxyName, version: "", lastSeenAtMs: nowMs };
  if (!(await admitProxy(db, parts.id, proxy))) {
    const why = stored.expiresAtMs <= nowMs ? "has expired" : "has no uses left";
    return refuse(401, "HEDDLE_JOIN_TOKEN_SPENT", `the join token ${why}; ask for a new one`);
  }
  registry.addProxy({ ...proxy, namespace: stored.namespace, workload: stored.workload });
  return {
    ok: true,
    response: {
      proxyId,
      certificatePem: certificate.pem,
      trustBundlePem: authority.trustBundlePem,
      trustDomain,
    },
  };
}

function refuse(status: number, code: `HEDDLE_${string}`, detail: string): JoinOutcome {
  return { ok: false, problem: problem(status, code, detail) };
}
