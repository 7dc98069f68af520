import type { NewAuditEntry } from "@heddle/store";
import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { AuditLog } from "../access/audit-log.ts";
import { clientOf } from "./client-of.ts";
import type { ApiEnv } from "./parts.ts";

/** Names for what the path alone does not say well; other acts are called by their path. */
const ACT_NAMES: Readonly<Record<string, string>> = {
  "DELETE /resources/:kind/:namespace/:name": "delete",
  "POST /revisions/:revision/restore": "restore",
  "POST /restore": "restore",
  "PUT /drift": "drift.report",
  "PUT /revisions/:revision/pin": "revision.pin",
  "PUT /revisions/:revision/name": "revision.name",
  "POST /revisions/:revision/comments": "revision.comment",
  "DELETE /revisions/:revision/comments/:id": "revision.comment-delete",
  "POST /reviews": "review.ask",
  "PUT /reviews/:id": "review.change",
  "POST /reviews/:id/comments": "review.comment",
  "POST /reviews/:id/approve": "review.approve",
  "POST /reviews/:id/withdraw": "review.withdraw",
  "POST /canaries/:namespace/:service/weight": "canary.weight",
  "POST /canaries/:namespace/:service/start": "canary.start",
  "POST /canaries/:namespace/:service/promote": "canary.promote",
  "POST /canaries/:namespace/:service/rollback": "canary.rollback",
  "PUT /mtls/:namespace/:workload": "mtls.set",
  "PUT /policies/:namespace/:name/shadow": "policy.shadow",
  "POST /certificates/revocations": "certificate.revoke",
  "POST /identity/rotations": "rotation.start",
  "PUT /mtls/:namespace": "mtls.set",
  "PUT /mtls": "mtls.set",
  "DELETE /mtls/guards/:id": "mtls.guard-cancel",
  "POST /holds/:id/confirm": "hold.confirm",
  "POST /holds/:id/dismiss": "hold.dismiss",
  "POST /pushes/:id/finish": "push.finish",
  "POST /pushes/:id/stop": "push.stop",
  "POST /bypasses": "bypass.on",
  "DELETE /bypasses/:namespace/:name": "bypass.off",
  "POST /taps": "tap.begin",
  "DELETE /taps/:id": "tap.end",
  "PUT /registry/instances/:namespace/:name": "instance.register",
  "DELETE /registry/instances/:namespace/:name": "instance.withdraw",
  "PUT /registry/overrides/:namespace/:workload": "instance.override",
  "DELETE /registry/overrides/:namespace/:workload": "instance.restore",
  "POST /registry/sources/forget": "source.forget",
  "POST /tokens": "join-token.create",
  "DELETE /tokens/:id": "join-token.revoke",
  "POST /users": "user.create",
  "PUT /users/:name": "user.change",
  "DELETE /users/:name": "user.delete",
  "POST /users/:name/setup-link": "user.setup-link",
  "POST /users/:name/sign-out": "user.sign-out",
  "POST /api-tokens": "api-token.create",
  "DELETE /api-tokens/:id": "api-token.revoke",
  "DELETE /sessions/:id": "session.end",
  "PUT /me/password": "password.change",
};
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const ANSWERED_REVISION = /^\{"revision":(\d{1,10})[,}]/;
const API_ROOT = "/api/v1";

/**
 * Writes every act into the audit log before it is answered: whoever adds a route that changes something gets
 * this for nothing. `context.set("audit", …)` says it better: what it was done to, the revision it made, or
 * `isQuestion` for a POST that changes nothing.
 */
export function auditActs(audit: AuditLog): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    await next();
    if (SAFE.has(context.req.method)) return;
    const { isQuestion = false, ...said } = context.get("audit") ?? {};
    const { status } = context.res;
    if (isQuestion || status === 404 || status === 405) return; // nothing was there to be done
    const { name, via } = context.get("principal");
    const { act, target } = describeAct(context);
    await audit.record({
      atMs: Date.now(),
      actor: name,
      via,
      act,
      target: said.target ?? target,
      result: resultOf(status),
      status,
      reason: status < 400 ? undefined : context.error?.message,
      ...clientOf(context),
      revision: said.revision ?? (await answeredRevision(context.res)),
    });
  };
}

export function resultOf(status: number): NewAuditEntry["result"] {
  if (status < 400) return "ok";
  return status < 500 ? "refused" : "failed";
}

function describeAct(context: Context<ApiEnv>): { readonly act: string; readonly target: string } {
  const { method } = context.req;
  const pattern = routePath(context, -1).replace(API_ROOT, "");
  const path = context.req.path.replace(API_ROOT, "").split("/").slice(1).map(decode);
  const parts = pattern.split("/").slice(1);
  const isNamed = pattern.includes("/") && !pattern.includes("*");
  if (!isNamed) return { act: `${method.toLowerCase()} ${path[0] ?? ""}`, target: path.join("/") };
  const fixed = parts.filter((part) => !part.startsWith(":"));
  const verb = method === "DELETE" ? ["delete"] : [];
  return {
    act: ACT_NAMES[`${method} ${pattern}`] ?? [...fixed, ...verb].join("."),
    target: path.filter((_, index) => parts[index]?.startsWith(":")).join("/"),
  };
}

/** Answers to changes begin with the revision they made; 0 is none. */
async function answeredRevision(response: Response): Promise<number | undefined> {
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  if (!isJson || response.status !== 200) return undefined;
  const text = await response.clone().text();
  return Number(ANSWERED_REVISION.exec(text)?.[1] ?? 0) || undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a broken escape is shown as it came
  }
}
