import { bearerToken } from "@heddle/runtime";
import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { answerError } from "./answer-error.ts";
import { apiTokenRoutes } from "./api-token-routes.ts";
import { auditActs } from "./audit-acts.ts";
import { auditRoutes } from "./audit-routes.ts";
import { authorizationRoutes } from "./authorization-routes.ts";
import { canaryRoutes } from "./canary-routes.ts";
import { eventRoutes } from "./event-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { identityRoutes } from "./identity-routes.ts";
import { requireSomewhere } from "./input.ts";
import { loginRoutes } from "./login-routes.ts";
import { meshRoutes } from "./mesh-routes.ts";
import { mtlsRoutes } from "./mtls-routes.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { policyListRoutes } from "./policy-list-routes.ts";
import { problem } from "./problem.ts";
import { registryRoutes } from "./registry-routes.ts";
import { replicaRoutes } from "./replica-routes.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { revisionRoutes } from "./revision-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { setupRoutes } from "./setup-routes.ts";
import { tokenRoutes } from "./token-routes.ts";
import { trafficRoutes } from "./traffic-routes.ts";
import { userRoutes } from "./user-routes.ts";

// The longest YAML a change may hold, as JSON with every character escaped.
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** The control plane's HTTP interface: health and metrics for machines, `/api/v1` for people. */
export function createApi(parts: ApiParts): Hono {
  const api = new Hono<ApiEnv>();
  api.route("/", loginRoutes(parts));
  api.route("/", setupRoutes(parts));
  api.use(authenticate(parts));
  api.use(auditActs(parts.access.audit));
  api.use(requireAnyGrant);
  for (const routes of [
    meshRoutes,
    registryRoutes,
    mtlsRoutes,
    trafficRoutes,
    resourceRoutes,
    revisionRoutes,
    canaryRoutes,
    policyListRoutes,
    authorizationRoutes,
    identityRoutes,
    tokenRoutes,
    sessionRoutes,
    userRoutes,
    apiTokenRoutes,
    auditRoutes,
    eventRoutes,
    replicaRoutes,
  ]) {
    api.route("/", routes(parts));
  }
  const app = new Hono();
  app.onError((error, context) => answerError(parts.logger, error, context));
  app.notFound((context) => {
    const { method, path } = context.req;
    return sendProblem(problem(404, "HEDDLE_NOT_FOUND", `${method} ${path}: nothing is here`));
  });
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () =>
        sendProblem(
          problem(413, "HEDDLE_TOO_LARGE", `a request has at most ${MAX_BODY_BYTES} bytes`),
        ),
    }),
  );
  app.route("/", healthRoutes(parts));
  app.use("/api/v1/*", whenReady(parts));
  app.route("/api/v1", api);
  return app;
}

function authenticate({ access }: ApiParts): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    context.set("startedAt", performance.now());
    const token = bearerToken(context.req.header("authorization"));
    const found =
      token === undefined ? undefined : await access.directory.authenticate(token, Date.now());
    if (found?.kind === "not-known-yet") {
      const why = "the database is away, and it alone knows who is logged in";
      return sendProblem(problem(503, "HEDDLE_DATABASE_UNAVAILABLE", why));
    }
    if (found?.kind !== "principal") {
      return sendProblem(problem(401, "HEDDLE_UNAUTHENTICATED", "a valid bearer token is needed"));
    }
    context.set("principal", found.principal);
    return next();
  };
}

/** Whoever has any role may look at the whole mesh; without one there is only oneself to see. */
const requireAnyGrant: MiddlewareHandler<ApiEnv> = async (context, next) => {
  const principal = context.get("principal");
  const isOwnMatter = /\/api\/v1\/(me|me\/password|logout|sessions)$/.test(context.req.path);
  if (!isOwnMatter) requireSomewhere(principal, "viewer");
  return next();
};

function whenReady(parts: ApiParts): MiddlewareHandler {
  return async (_, next) => {
    if (parts.isReady()) return next();
    const why = "the control plane is starting: it waits for its database";
    return sendProblem(problem(503, "HEDDLE_NOT_READY", why));
  };
}

function sendProblem(body: ReturnType<typeof problem>): Response {
  return Response.json(body, {
    status: body.status,
    headers: { "content-type": "application/problem+json" },
  });
}
