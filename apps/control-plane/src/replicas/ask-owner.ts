import type { Logger } from "@heddle/runtime";
import type { Context } from "hono";
import type { KnownProxy } from "../registry/registry.ts";
import type { Replicas } from "./replicas.ts";

/** The other one waits 5 s for the proxy. */
const ANSWER_MS = 8_000;
const ASKED_FOR = "x-heddle-asked-by";

/**
 * Passes a question about one proxy on to the control plane that has its stream, in the asker's name, and hands its
 * answer on. `undefined`: there is no such other one, or it cannot be reached from here.
 */
export async function askOwner(
  { replicas, logger }: { readonly replicas: Replicas; readonly logger: Logger },
  context: Context,
  { isConnected, replicaId }: KnownProxy,
): Promise<Response | undefined> {
  const owner = replicas.others.find(({ id }) => id === replicaId);
  const authorization = context.req.header("authorization");
  const isAsked = context.req.header(ASKED_FOR) !== undefined; // once is enough: two may take each other for it
  if (!isConnected || !owner || owner.apiUrl === "" || isAsked || !authorization) return undefined;
  const { pathname, search } = new URL(context.req.url);
  const target = new URL(owner.apiUrl);
  target.pathname = pathname;
  target.search = search;
  try {
    const answer = await fetch(target, {
      headers: { authorization, [ASKED_FOR]: replicas.id },
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const type = answer.headers.get("content-type") ?? "application/json";
    return new Response(answer.body, { status: answer.status, headers: { "content-type": type } });
  } catch (error) {
    logger.warn({ err: error, replica: owner.id, at: owner.apiUrl }, "not asked about its proxy");
    return undefined;
  }
}
