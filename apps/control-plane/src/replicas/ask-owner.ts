import type { Logger } from "@heddle/runtime";
import type { Context } from "hono";
import type { Replicas } from "./replicas.ts";

/** The other one waits 5 s for the proxy. */
const ANSWER_MS = 8_000;
const ASKED_FOR = "x-heddle-asked-by";

/**
 * Passes a request on to the control plane that can answer it (it has the proxy's stream, or keeps the leases in
 * question), in the asker's name, and hands its answer on. `undefined`: that is no other one that lives, or it
 * cannot be reached from here. A request with a body is to be passed on before its body is read.
 */
export async function askOwner(
  { replicas, logger }: { readonly replicas: Replicas; readonly logger: Logger },
  context: Context,
  replicaId: string | undefined,
): Promise<Response | undefined> {
  const owner = replicas.others.find(({ id }) => id === replicaId);
  const authorization = context.req.header("authorization");
  const isAsked = context.req.header(ASKED_FOR) !== undefined; // once is enough: two may take each other for it
  if (!owner || owner.apiUrl === "" || isAsked || !authorization) return undefined;
  const { method } = context.req;
  const { pathname, search } = new URL(context.req.url);
  const target = new URL(owner.apiUrl);
  target.pathname = pathname;
  target.search = search;
  try {
    const answer = await fetch(target, {
      method,
      ...(method === "GET" ? {} : { body: await context.req.raw.clone().text() }),
      headers: {
        authorization,
        "content-type": context.req.header("content-type") ?? "application/json",
        [ASKED_FOR]: replicas.id,
      },
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const type = answer.headers.get("content-type") ?? "application/json";
    return new Response(answer.body, { status: answer.status, headers: { "content-type": type } });
  } catch (error) {
    logger.warn(
      { err: error, replica: owner.id, at: owner.apiUrl },
      "the control plane that knows was not reached",
    );
    return undefined;
  }
}
