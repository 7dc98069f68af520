import type { Analyzer } from "../analyzer.ts";
import { durationMsAt, fieldsAt, isFields, numberAt, textAt } from "../fields.ts";
import { type HttpRoute, httpRoutes } from "./routes-of.ts";

/** Ends that say nothing of whether the server has acted on the request. */
const AFTER_SENDING = new Set([
  ...["5xx", "gateway-error", "reset", "retriable-4xx", "retriable-status-codes"],
  ...["retriable-headers", "internal", "deadline-exceeded", "cancelled"],
]);
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** HDL004, HDL005, HDL033: retries that have no time, or repeat what must not be repeated. */
export const checkRetries: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    for (const one of httpRoutes(document)) {
      const retries = fieldsAt(one.route, "retries");
      const attempts = numberAt(retries, "attempts") ?? 0;
      if (attempts === 0) continue;
      const path = [...one.path, "retries"];
      const time = judgeTime(one, attempts);
      if (time) report(document, time.code, { path: [...path, "perTryTimeout"], why: time.why });
      const risky = textAt(retries, "retryOn")
        .split(",")
        .map((condition) => condition.trim())
        .filter((condition) => AFTER_SENDING.has(condition) || /^[45]\d\d$/.test(condition));
      if (risky.length === 0 || !mayWrite(one)) continue;
      const why = `${one.title} takes POST and PATCH too and retries on ${risky.join(", ")}: a server that has acted already acts again`;
      report(document, "HDL005", { path: [...path, "retryOn"], why });
    }
  }
};

function judgeTime(
  { route, title }: HttpRoute,
  attempts: number,
): { readonly code: "HDL004" | "HDL033"; readonly why: string } | undefined {
  const timeout = durationMsAt(route, "timeout");
  const perTry = durationMsAt(route, "retries", "perTryTimeout");
  if (timeout === undefined || timeout === 0 || perTry === undefined) return undefined;
  const words = `perTryTimeout ${perTry} ms and timeout ${timeout} ms`;
  if (perTry >= timeout) {
    return { code: "HDL033", why: `${title} has ${words}: the first try uses up all of the time` };
  }
  const tries = attempts + 1;
  if (tries * perTry <= timeout) return undefined;
  const fit = Math.floor(timeout / perTry);
  const why = `${title} has ${words}: of ${tries} tries only ${fit} can take their time`;
  return { code: "HDL004", why };
}

/** Whether no match keeps methods out that change something anew with each request. */
function mayWrite({ matches }: HttpRoute): boolean {
  if (matches.length === 0) return true;
  return matches.some((match) => {
    const method = match["method"];
    if (!isFields(method)) return true;
    const exact = textAt(method, "exact");
    if (exact !== "") return !SAFE_METHODS.has(exact);
    const allowed = textAt(method, "regex").split("|").filter(Boolean);
    return allowed.length === 0 || !allowed.every((name) => SAFE_METHODS.has(name));
  });
}
