import {
  EndedResponse,
  LogoutRequest,
  MeResponse,
  PasswordChangeRequest,
  type SessionState,
  SessionsResponse,
} from "@heddle/contracts";
import { WHOLE_MESH } from "@heddle/mesh";
import { may, type Principal } from "@heddle/runtime";
import {
  changePassword,
  DatabaseUnavailableError,
  endSessions,
  findSessions,
  findUser,
  type StoredSession,
} from "@heddle/store";
import { z } from "zod";
import { TooManyLoginsError } from "../access/login-errors.ts";
import { hashPassword, isPassword } from "../access/passwords.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { clientOf } from "./client-of.ts";
import { BadRequestError, readBody, readParams, readQuery } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { DATABASE_AWAY } from "./refusals.ts";
import { refuseWeak } from "./setup-routes.ts";

const SessionPath = z.object({ id: z.string() });
const AllQuery = z.object({ all: z.stringbool().optional() });

/** Who one is, where one is logged in, and how to end that. */
export function sessionRoutes(parts: ApiParts) {
  const { db, access } = parts;
  return new ApiRoutes()
    .get(
      "/me",
      { summary: "Show who one is", role: "self", answer: MeResponse },
      async (context) => {
        const principal = context.get("principal");
        const { name, role, expiresAtMs, grants, via } = principal;
        const answer: MeResponse = {
          name,
          role,
          expiresAtMs,
          grants: grants.map((grant) => ({ ...grant })),
          via,
          hasPassword: await hasPassword(parts, principal),
        };
        return context.json(answer);
      },
    )
    .put(
      "/me/password",
      {
        summary: "Change one's password",
        description: "Ends one's other sessions.",
        role: "self",
        body: PasswordChangeRequest,
        answer: EndedResponse,
        refusals: [
          "HEDDLE_CHANGE_REFUSED",
          "HEDDLE_TOO_MANY_REQUESTS",
          "HEDDLE_DATABASE_UNAVAILABLE",
        ],
      },
      async (context) => {
        const { owner, credentialId } = context.get("principal");
        const { current, password } = await readBody(context, PasswordChangeRequest);
        const user = owner === undefined ? undefined : await findUser(db, owner);
        if (user?.passwordHash === undefined) {
          throw new ChangeRefusedError("only local users have a password here");
        }
        const { address } = clientOf(context);
        const waitMs = access.throttle.begin(user.name, address, Date.now());
        if (waitMs > 0) throw new TooManyLoginsError(waitMs);
        if (!(await isPassword(current, user.passwordHash))) {
          throw new BadRequestError([{ field: "current", message: "is not the password" }]);
        }
        access.throttle.succeeded(user.name, address);
        refuseWeak(password, user.name);
        const hash = await hashPassword(password);
        if (!(await changePassword(db, user.name, user.passwordHash, hash, credentialId))) {
          throw new ChangeRefusedError("the password was changed elsewhere meanwhile");
        }
        await access.directory.refresh();
        const answer: EndedResponse = { ended: Math.max(0, user.sessions - 1) };
        return context.json(answer);
      },
    )
    .post(
      "/logout",
      {
        summary: "End the session, or all of one's sessions",
        role: "self",
        body: LogoutRequest,
        answer: EndedResponse,
        refusals: ["HEDDLE_CHANGE_REFUSED", "HEDDLE_DATABASE_UNAVAILABLE"],
      },
      async (context) => {
        const { everywhere = false } = await readBody(context, LogoutRequest);
        const { name, via, credentialId } = context.get("principal");
        context.set("audit", { target: everywhere ? "everywhere" : "this session" });
        if (via !== "session" || credentialId === undefined) {
          throw new ChangeRefusedError("this is no session: a token is revoked, not logged out");
        }
        const ended = await endSessions(
          db,
          everywhere ? { userName: name } : { id: credentialId, userName: name },
        );
        await access.directory.refresh();
        const answer: EndedResponse = { ended };
        return context.json(answer);
      },
    )
    .get(
      "/sessions",
      {
        summary: "List one's sessions",
        description: "An admin of the whole mesh sees everybody's with `all=true`.",
        role: "self",
        query: AllQuery,
        answer: SessionsResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const principal = context.get("principal");
        const { all = false } = readQuery(context, AllQuery);
        const isAll = all && may(principal, "admin", WHOLE_MESH);
        const found = await findSessions(db, isAll ? undefined : principal.name);
        const answer: SessionsResponse = {
          sessions: found.map((one) => toSessionState(one, principal)),
        };
        return context.json(answer);
      },
    )
    .delete(
      "/sessions/:id",
      {
        summary: "End a session",
        role: "viewer",
        params: SessionPath,
        answer: EndedResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const principal = context.get("principal");
        const { id } = readParams(context, SessionPath);
        const isAdmin = may(principal, "admin", WHOLE_MESH);
        const ended = await endSessions(db, isAdmin ? { id } : { id, userName: principal.name });
        if (ended === 0) throw new NotFoundError(`there is no session ${id}`);
        await access.directory.refresh();
        const answer: EndedResponse = { ended };
        return context.json(answer);
      },
    );
}

/** While the database is away nobody changes a password anyhow. */
async function hasPassword({ db }: ApiParts, { owner }: Principal): Promise<boolean> {
  if (owner === undefined) return false;
  try {
    return (await findUser(db, owner))?.passwordHash !== undefined;
  } catch (error) {
    if (error instanceof DatabaseUnavailableError) return false;
    throw error;
  }
}

function toSessionState(session: StoredSession, principal: Principal): SessionState {
  const methods = ["link", "password", "oidc", "setup"] as const;
  return {
    id: session.id,
    user: session.userName,
    method: methods.find((one) => one === session.method) ?? "link",
    address: session.address,
    agent: session.agent,
    createdAtMs: session.createdAtMs,
    lastSeenAtMs: session.lastSeenAtMs,
    expiresAtMs: session.expiresAtMs,
    isCurrent: session.id === principal.credentialId,
  };
}
