import { TokenCreateRequest, type TokenCreateResponse } from "@heddle/contracts";
import { isDnsLabel } from "@heddle/resources";
import { createJoinToken } from "@heddle/store";
import { Hono } from "hono";
import { hashSecret, makeJoinToken } from "../certificates/join-token.ts";
import { BadRequestError, readBody, requireRole } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";

/** `POST /tokens`: join tokens, for admins of their namespace. */
export function tokenRoutes({ authority, db, logger }: ApiParts) {
  return new Hono<ApiEnv>().post("/tokens", async (context) => {
    const principal = context.get("principal");
    const request = await readBody(context, TokenCreateRequest);
    requireRole(principal, "admin", request.namespace);
    const { namespace, workload = "any workload" } = request;
    context.set("audit", { target: `${namespace}: ${workload}` });
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
      rootHash: authority().rootHash,
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
