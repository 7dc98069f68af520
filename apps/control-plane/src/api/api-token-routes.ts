import {
  ApiTokenCreateRequest,
  ApiTokenCreateResponse,
  type ApiTokenState,
  ApiTokensResponse,
  EndedResponse,
} from "@heddle/contracts";
import { beyond, WHOLE_MESH } from "@heddle/mesh";
import { makeCredential, may } from "@heddle/runtime";
import { createApiToken, deleteApiToken, findApiTokens, type StoredApiToken } from "@heddle/store";
import { z } from "zod";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { ForbiddenError, readBody, readParams, readQuery } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { formatGrant } from "./user-routes.ts";

const TokenPath = z.object({ id: z.string() });
const AllQuery = z.object({ all: z.stringbool().optional() });
const MOST_PER_USER = 100;

/** Tokens of scripts and of the CLI: everybody makes their own, at most as mighty as they are. */
export function apiTokenRoutes({ db, access }: ApiParts) {
  return new ApiRoutes()
    .get(
      "/api-tokens",
      {
        summary: "List API tokens",
        description: "One's own; an admin of the whole mesh sees everybody's with `all=true`.",
        role: "viewer",
        query: AllQuery,
        answer: ApiTokensResponse,
      },
      async (context) => {
        const principal = context.get("principal");
        const { all = false } = readQuery(context, AllQuery);
        const isAll = all && may(principal, "admin", WHOLE_MESH);
        const tokens = await findApiTokens(db, isAll ? undefined : principal.name);
        const answer: ApiTokensResponse = { tokens: tokens.map(toTokenState) };
        return context.json(answer);
      },
    )
    .post(
      "/api-tokens",
      {
        summary: "Make an API token",
        description:
          "It reaches at most as far as who makes it; its secret is in this answer and nowhere else.",
        role: "viewer",
        body: ApiTokenCreateRequest,
        answer: ApiTokenCreateResponse,
        refusals: ["HEDDLE_CHANGE_REFUSED"],
      },
      async (context) => {
        const principal = context.get("principal");
        const { name, grants, ttlSeconds } = await readBody(context, ApiTokenCreateRequest);
        context.set("audit", { target: `${name}: ${grants.map(formatGrant).join(", ")}` });
        if (principal.via === "token") {
          throw new ChangeRefusedError("an API token makes no API tokens: log in for that");
        }
        const [first] = beyond(grants, principal.grants);
        if (first) throw new ForbiddenError(principal, first.role, first.namespace);
        const { id, secret, secretHash } = makeCredential("token");
        const createdAtMs = Date.now();
        const token: StoredApiToken = {
          id,
          name,
          userName: principal.name,
          owner: principal.owner,
          grants,
          createdAtMs,
          expiresAtMs: createdAtMs + ttlSeconds * 1000,
          lastUsedAtMs: undefined,
        };
        if (!(await createApiToken(db, { ...token, secretHash }, MOST_PER_USER))) {
          throw new ChangeRefusedError(`${principal.name} has ${MOST_PER_USER} tokens; revoke one`);
        }
        await access.directory.refresh();
        const answer: ApiTokenCreateResponse = { token: toTokenState(token), secret };
        return context.json(answer);
      },
    )
    .delete(
      "/api-tokens/:id",
      { summary: "Revoke an API token", role: "viewer", params: TokenPath, answer: EndedResponse },
      async (context) => {
        const principal = context.get("principal");
        const { id } = readParams(context, TokenPath);
        const owner = may(principal, "admin", WHOLE_MESH) ? undefined : principal.name;
        if (!(await deleteApiToken(db, id, owner)))
          throw new NotFoundError(`there is no token ${id}`);
        await access.directory.refresh();
        const answer: EndedResponse = { ended: 1 };
        return context.json(answer);
      },
    );
}

function toTokenState(token: StoredApiToken): ApiTokenState {
  const { id, name, userName, grants, createdAtMs, expiresAtMs, lastUsedAtMs } = token;
  return {
    id,
    name,
    owner: userName,
    grants: grants.map((grant) => ({ ...grant })),
    createdAtMs,
    expiresAtMs,
    ...(lastUsedAtMs === undefined ? {} : { lastUsedAtMs }),
  };
}
