import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { request } from "node:https";
import { JOIN_PATH, type JoinRequest, JoinResponse } from "@heddle/contracts/control-stream";
import { HeddleError } from "@heddle/runtime";
import { createCertificateRequest } from "../identity/certificate-request.ts";
import type { KeyAndCertificate } from "../identity/key-and-certificate.ts";
import { type ControlPlaneAddress, serverChecks } from "./control-plane-address.ts";
import { discoverRoot } from "./discover-root.ts";
import type { JoinToken } from "./join-token.ts";

const DEADLINE_MS = 10_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** The control plane does not take the token; asking again will not help. */
export class JoinRefusedError extends HeddleError {
  override readonly name = "JoinRefusedError";
  constructor(address: ControlPlaneAddress, status: number, detail: string) {
    super(
      "HEDDLE_JOIN_REFUSED",
      `the control plane at ${address.host}:${address.port} refused the join token (${status}): ${detail}`,
    );
  }
}

/** Who the proxy was when it was in the mesh before: it keeps the id of which it has the key. */
export type Before = { readonly proxyId: string; readonly keyPem: string };

export type Joined = { readonly proxyId: string; readonly material: KeyAndCertificate };

/**
 * Joins the mesh: checks the server's root against the token, then asks for the proxy's own
 * certificate with a key made here. Throws `JoinRefusedError` or `WrongRootError` (both final), or
 * another error when it is worth trying again.
 */
export async function join(
  address: ControlPlaneAddress,
  token: JoinToken,
  proxyName: string,
  before: Before | undefined,
): Promise<Joined> {
  const rootPem = await discoverRoot(address, token.rootHash);
  const { keyPem, csrPem } = await createCertificateRequest(proxyName, undefined);
  const body = JSON.stringify({
    token: token.text,
    csrPem,
    proxyName,
    ...(before === undefined ? {} : { previous: proveKey(before, csrPem) }),
  });
  const { status, text } = await post(address, rootPem, body);
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    throw new JoinRefusedError(address, status, problemText(text));
  }
  if (status < 200 || status >= 300)
    throw new Error(`joining: status ${status} ${problemText(text)}`);
  const joined = JoinResponse.parse(JSON.parse(text));
  return {
    proxyId: joined.proxyId,
    material: {
      keyPem,
      chainPem: joined.certificatePem,
      trustBundlePem: joined.trustBundlePem,
    },
  };
}

function proveKey({ proxyId, keyPem }: Before, csrPem: string): JoinRequest["previous"] {
  const key = createPrivateKey(keyPem);
  return {
    proxyId,
    publicKeyPem: createPublicKey(key).export({ type: "spki", format: "pem" }),
    signature: sign("sha256", Buffer.from(csrPem, "utf8"), key).toString("base64"),
  };
}

function post(
  { host, port }: ControlPlaneAddress,
  rootPem: string,
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host,
        port,
        path: JOIN_PATH,
        method: "POST",
        agent: false,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(DEADLINE_MS),
        ...serverChecks(host, [rootPem]),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_ANSWER_BYTES)
            sent.destroy(new Error("the answer to joining is too large"));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** `detail` of an RFC 9457 problem, else the text as it came. */
function problemText(text: string): string {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === "object" && problem !== null) {
      const { detail, title } = problem as { detail?: unknown; title?: unknown };
      if (typeof detail === "string") return detail;
      if (typeof title === "string") return title;
    }
  } catch {
    // not JSON: shown as it is
  }
  return text.slice(0, 200);
}
