import * as contracts from "@heddle/contracts";
import { bearerToken, documentRoute, methodsOf } from "@heddle/runtime";
import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import packageJson from "../../package.json" with { type: "json" };
import { analysisRoutes } from "./analysis-routes.ts";
import { answerError } from "./answer-error.ts";
import type { ApiRoutes } from "./api-routes.ts";
import { apiTokenRoutes } from "./api-token-routes.ts";
import { auditActs } from "./audit-acts.ts";
import { auditRoutes } from "./audit-routes.ts";
import { authorizationRoutes } from "./authorization-routes.ts";
import { bypassRoutes } from "./bypass-routes.ts";
import { canaryRoutes } from "./canary-routes.ts";
import { driftRoutes } from "./drift-routes.ts";
import { eventRoutes } from "./event-routes.ts";
import { healthRoutes } from "./health-routes.ts";
import { holdRoutes } from "./hold-routes.ts";
import { identityRoutes } from "./identity-routes.ts";
import { requireSomewhere } from "./input.ts";
import { loginRoutes } from "./login-routes.ts";
import { markRoutes } from "./mark-routes.ts";
import { meshRoutes } from "./mesh-routes.ts";
import { mtlsRoutes } from "./mtls-routes.ts";
import { overrideRoutes } from "./override-routes.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { policyListRoutes } from "./policy-list-routes.ts";
import { presenceRoutes } from "./presence-routes.ts";
import { previewRoutes } from "./preview-routes.ts";
import { problemResponse } from "./problem.ts";
import { proxyRoutes } from "./proxy-routes.ts";
import { pushRoutes } from "./push-routes.ts";
import { registryRoutes } from "./registry-routes.ts";
import { replicaRoutes } from "./replica-routes.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { restoreRoutes } from "./restore-routes.ts";
import { reviewRoutes } from "./review-routes.ts";
import { revisionRoutes } from "./revision-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { setupRoutes } from "./setup-routes.ts";
import { tapRoutes } from "./tap-routes.ts";
import { tokenRoutes } from "./token-routes.ts";
import { trafficRoutes } from "./traffic-routes.ts";
import { userRoutes } from "./user-routes.ts";

// The longest YAML a change may hold, as JSON with every character escaped.
const MAX_BODY_BYTES = 8 * 1024 * 1024;

const API_ROOT = "/api/v1";

/** The control plane's HTTP interface: health and metrics for machines, `/api/v1` for people. */
export function createApi(parts: ApiParts): Hono {
  const api = new Hono<ApiEnv>();
  const operations: contracts.Operation[] = [];
  const serve = (routes: ApiRoutes) => {
    api.route("/", routes.app);
    operations.push(...routes.operations.map((one) => ({ ...one, path: API_ROOT + one.path })));
  };
  serve(loginRoutes(parts));
  serve(setupRoutes(parts));
  api.use(authenticate(parts));
  api.use(auditActs(parts.access.audit));
  api.use(requireAnyGrant);
  for (const routes of [
    meshRoutes,
    proxyRoutes,
    registryRoutes,
    overrideRoutes,
    holdRoutes,
    mtlsRoutes,
    trafficRoutes,
    resourceRoutes,
    revisionRoutes,
    restoreRoutes,
    markRoutes,
    reviewRoutes,
    driftRoutes,
    canaryRoutes,
    policyListRoutes,
    authorizationRoutes,
    presenceRoutes,
    previewRoutes,
    bypassRoutes,
    tapRoutes,
    pushRoutes,
    identityRoutes,
    tokenRoutes,
    sessionRoutes,
    userRoutes,
    apiTokenRoutes,
    auditRoutes,
    eventRoutes,
    replicaRoutes,
    analysisRoutes,
  ]) {
    serve(routes(parts));
  }
  const app = new Hono();
  app.onError((error, context) => answerError(parts.logger, error, context));
  app.notFound((context) => {
    const { method, path } = context.req;
    const allowed = methodsOf(operations, path);
    if (allowed.length === 0) {
      return problemResponse(
        contracts.toProblem("HEDDLE_NOT_FOUND", `${method} ${path}: nothing is here`),
      );
    }
    const allow = allowed.join(", ");
    const why = `${path} does not take ${method}; it takes ${allow}`;
    return problemResponse(contracts.toProblem("HEDDLE_METHOD_NOT_ALLOWED", why), { allow });
  });
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () =>
        problemResponse(
          contracts.toProblem("HEDDLE_TOO_LARGE", `a request has at most ${MAX_BODY_BYTES} bytes`),
        ),
    }),
  );
  const health = healthRoutes(parts);
  app.route("/", health.app);
  operations.push(...health.operations);
  app.use(`${API_ROOT}/*`, whenReady(parts));
  app.route(API_ROOT, api);
  const about = { title: "Heddle control plane", version: packageJson.version };
  const document = documentRoute(() => contracts.openApiDocument(operations, contracts, about));
  app.route("/", document.app);
  operations.push(...document.operations);
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
      return problemResponse(contracts.toProblem("HEDDLE_DATABASE_UNAVAILABLE", why));
    }
    if (found?.kind !== "principal") {
      return problemResponse(
        contracts.toProblem("HEDDLE_UNAUTHENTICATED", "a valid bearer token is needed"),
      );
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
    return problemResponse(contracts.toProblem("HEDDLE_NOT_READY", why));
  };
}
