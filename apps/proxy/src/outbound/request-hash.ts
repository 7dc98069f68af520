import { type HashKey, hashRequest, makeHashCookie } from "@heddle/mesh";
import type { OutboundRequest } from "./outbound-request.ts";

/**
 * The hash that keeps a request at its endpoint. A caller without the cookie a rule asks for gets one
 * with the answer. `undefined`: the request has no key and may go anywhere. `caller` stands for the source's
 * address, since every app reaches its sidecar over loopback: where the workload is, and which it is.
 */
export function hashOf(request: OutboundRequest, key: HashKey, caller: string): number | undefined {
  if (request.hash !== undefined) return request.hash;
  const facts = {
    header: (name: string) => request.header(name),
    query: request.query ?? "",
    sourceAddress: caller,
  };
  request.hash = hashRequest(key, facts) ?? newCookie(request, key);
  return request.hash;
}

function newCookie(request: OutboundRequest, key: HashKey): number | undefined {
  const cookie = makeHashCookie(key, Math.random(), Math.random());
  if (cookie !== undefined) request.addAnswerField("set-cookie", cookie.setCookie);
  return cookie?.hash;
}
