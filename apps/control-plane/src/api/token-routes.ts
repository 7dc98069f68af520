import { randomUUID } from "node:crypto";
import {
  LoginRequest,
  type LoginResponse,
  type MeResponse,
  TokenCreateRequest,
  type TokenCreateResponse,
} from "@heddle/contracts";
import { isDnsLabel } from "@heddle/resources";
import { signToken, verifyToken } from "@heddle/runtime";
import { createJoinToken, useLoginToken } from "@heddle/store";
import { Hono } from "hono";
import { hashSecret, makeJoinToken } from "../certificates/join-token.ts";
import { BadRequestError, readBody, requireRole } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { problem } from "./problem.ts";

const SESSION_SECONDS = 12 * 3600;

/** `POST /login`: a one-time login link becomes a session. The only route without a bearer token. */
export function loginRoutes({ authSecret, db, loginLimiter }: ApiParts) {
  return new Hono<ApiEnv>().post("/login", async (context) => {
    if (!loginLimiter.take("login", Date.now())) {
      return refuse(429, "HEDDLE_TOO_MANY_REQUESTS", "too many logins; wait a second");
    }
    const { token } = await readBody(context, LoginRequest);
    const link = await verifyToken(authSecret, ["login"], token);
    const spent = "the login link has expired, was used already, or is not of this mesh";
    if (!link?.tokenId) return refuse(401, "HEDDLE_LOGIN_REFUSED", spent);
    if (!(await useLoginToken(db, link.tokenId, link.expiresAtMs))) {
      return refuse(401, "HEDDLE_LOGIN_REFUSED", spent);
    }
    const user = { name: link.name, role: link.role };
    const nowMs = Date.now();
    const subject = { ...user, tokenId: randomUUID() };
    const answer: LoginResponse = {
      sessionToken: await signToken(authSecret, "session", subject, SESSION_SECONDS, nowMs),
      user,
      expiresAtMs: (Math.floor(nowMs / 1000) + SESSION_SECONDS) * 1000,
    };
    return context.json(answer);
  });
}

/** `GET /me` and `POST /tokens` (join tokens, admin only). */
export function tokenRoutes({ authority, db, logger }: ApiParts) {
  return new Hono<ApiEnv>()
    .get("/me", (context) => {
      const { name, role, expiresAtMs } = context.get("principal");
      const answer: MeResponse = { name, role, expiresAtMs };
      return context.json(answer);
    })
    .post("/tokens", async (context) => {
      const principal = context.get("principal");
      requireRole(principal, "admin");
      const request = await readBody(context, TokenCreateRequest);
      checkNames(request);
      const made = makeJoinToken(authority().rootHash);
      const nowMs = Date.now();
      const expiresAtMs = nowMs + request.ttlSeconds * 1000;
      const stored = {
        id: made.id,
        secretHash: hashSecret(made.secret),
        namespace: request.namespace,
        workload: request.workload,
        usesLeft: request.maxUses,
        createdBy: principal.name,
        expiresAtMs,
      };
      await createJoinToken(db, stored, nowMs);
      logger.info(
        { id: made.id, namespace: request.namespace, by: principal.name },
        "join token made",
      );
      const answer: TokenCreateResponse = { token: made.token, expiresAtMs };
      return context.json(answer);
    });
}

function checkNames({ namespace, workload }: TokenCreateRequest): void {
  const faults = Object.entries({ namespace, workload }).flatMap(([field, value]) => {
    if (value === undefined || isDnsLabel(value)) return [];
    const message = `is ${JSON.stringify(value)}; expected lower-case letters, digits and hyphens`;
    return [{ field, message }];
  });
  if (faults.length > 0) throw new BadRequestError(faults);
}

function refuse(status: number, code: `HEDDLE_${string}`, detail: string): Response {
  return Response.json(problem(status, code, detail), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}
