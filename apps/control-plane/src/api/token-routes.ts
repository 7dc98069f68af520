import {
  TokenCreateRequest,
  TokenCreateResponse,
  TokenRevokeResponse,
  TokensResponse,
} from "@heddle/contracts";
import { isDnsLabel } from "@heddle/resources";
import { may } from "@heddle/runtime";
import { createJoinToken, findJoinTokens, revokeJoinToken } from "@heddle/store";
import type { Context } from "hono";
import { z } from "zod";
import { hashSecret, makeJoinToken } from "../certificates/join-token.ts";
import { revoke } from "../certificates/revoke.ts";
import { NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { toJoinToken } from "./identity-wire.ts";
import {
  BadRequestError,
  readBody,
  readParams,
  readQuery,
  requireRole,
  requireSomewhere,
} from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";
import { DATABASE_AWAY } from "./refusals.ts";

const TokenPath = z.object({ id: z.string() });
const RevokeQuery = z.object({ disconnect: z.stringbool().default(false) });

/** Join tokens: made, seen and revoked by admins of their namespace. */
export function tokenRoutes(parts: ApiParts) {
  return new ApiRoutes()
    .get(
      "/tokens",
      {
        summary: "List join tokens and who joined by them",
        role: "viewer",
        answer: TokensResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const principal = context.get("principal");
        const nowMs = Date.now();
        const tokens = (await findJoinTokens(parts.db))
          .filter(({ namespace }) => may(principal, "viewer", namespace))
          .map((token) => toJoinToken(parts, token, nowMs));
        const answer: TokensResponse = { tokens };
        return context.json(answer);
      },
    )
    .delete(
      "/tokens/:id",
      {
        summary: "Let nobody join by a token any more",
        role: "admin",
        params: TokenPath,
        query: RevokeQuery,
        answer: TokenRevokeResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const principal = context.get("principal");
        requireSomewhere(principal, "admin");
        const { id } = readParams(context, TokenPath);
        const { disconnect } = readQuery(context, RevokeQuery);
        const token = (await findJoinTokens(parts.db)).find((one) => one.id === id);
        if (!token) throw new NotFoundError(`there is no join token ${id}`);
        requireRole(principal, "admin", token.namespace);
        await revokeJoinToken(parts.db, id, principal.name);
        const reason = `join token ${id} was revoked`;
        const { proxyIds } = token;
        const ended =
          disconnect && proxyIds.length > 0
            ? await revoke(parts, { proxyIds }, { by: principal.name, reason })
            : { proxiesDisconnected: 0, certificatesRevoked: 0 };
        parts.logger.warn({ id, by: principal.name, disconnect }, "join token revoked");
        parts.feed.noteIdentity();
        const answer: TokenRevokeResponse = { id, ...ended };
        return context.json(answer);
      },
    )
    .post(
      "/tokens",
      {
        summary: "Make a join token",
        description: "It is in this answer and nowhere else.",
        role: "admin",
        body: TokenCreateRequest,
        answer: TokenCreateResponse,
        refusals: DATABASE_AWAY,
      },
      (context) => createToken(parts, context),
    );
}

async function createToken({ authority, db, logger, feed }: ApiParts, context: Context<ApiEnv>) {
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
  logger.info({ id: made.id, namespace: request.namespace, by: principal.name }, "join token made");
  const answer: TokenCreateResponse = { token: made.token, expiresAtMs };
  feed.noteIdentity();
  return context.json(answer);
}

function checkNames({ namespace, workload }: TokenCreateRequest): void {
  const faults = Object.entries({ namespace, workload }).flatMap(([field, value]) => {
    if (value === undefined || isDnsLabel(value)) return [];
    const message = `is ${JSON.stringify(value)}; expected lower-case letters, digits and hyphens`;
    return [{ field, message }];
  });
  if (faults.length > 0) throw new BadRequestError(faults);
}
