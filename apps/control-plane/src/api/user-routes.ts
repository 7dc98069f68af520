import { randomBytes } from "node:crypto";
import {
  EndedResponse,
  SetupLinkResponse,
  UserChangeRequest,
  UserCreateRequest,
  UserResponse,
  type UserState,
  UsersResponse,
} from "@heddle/contracts";
import {
  changeUser,
  createLocalUser,
  deleteUser,
  endSessions,
  findUser,
  findUsers,
  renewSetupLink,
  type StoredUser,
} from "@heddle/store";
import { z } from "zod";
import { RESERVED_NAMES } from "../access/reserved-names.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readBody, readParams, requireRole } from "./input.ts";
import type { ApiParts } from "./parts.ts";
import { DATABASE_AWAY, USER_REFUSALS } from "./refusals.ts";
import { setupHash } from "./setup-routes.ts";

const UserPath = z.object({ name: z.string() });
const SETUP_MS = 24 * 3_600_000;
const SETUP_BYTES = 32;

/** Who may come in, and as what: for admins of the whole mesh. */
export function userRoutes({ db, access, logger }: ApiParts) {
  const makeLink = () => {
    const setupToken = randomBytes(SETUP_BYTES).toString("base64url");
    return { setupToken, hash: setupHash(setupToken), expiresAtMs: Date.now() + SETUP_MS };
  };
  const getUser = async (name: string): Promise<StoredUser> => {
    const user = await findUser(db, name);
    if (!user) throw new NotFoundError(`there is no user ${name}`);
    return user;
  };
  return new ApiRoutes()
    .get(
      "/users",
      { summary: "List the users", role: "admin", answer: UsersResponse, refusals: DATABASE_AWAY },
      async (context) => {
        requireRole(context.get("principal"), "admin");
        const answer: UsersResponse = { users: (await findUsers(db)).map(toUserState) };
        return context.json(answer);
      },
    )
    .post(
      "/users",
      {
        summary: "Make a user",
        description: "The setup link in the answer is shown once.",
        role: "admin",
        body: UserCreateRequest,
        answer: SetupLinkResponse,
        refusals: USER_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        requireRole(principal, "admin");
        const { name, displayName, grants } = await readBody(context, UserCreateRequest);
        context.set("audit", { target: name });
        if (RESERVED_NAMES.has(name)) throw new ChangeRefusedError(`the name ${name} is reserved`);
        const { setupToken, hash, expiresAtMs } = makeLink();
        const isNew = await createLocalUser(db, {
          name,
          displayName,
          grants,
          createdBy: principal.name,
          setupHash: hash,
          setupEndsAtMs: expiresAtMs,
        });
        if (!isNew) throw new ChangeRefusedError(`there is a user ${name} already`);
        await access.directory.refresh();
        logger.info({ user: name, by: principal.name }, "user made");
        const user = toUserState(await getUser(name));
        const answer: SetupLinkResponse = { user, setupToken, expiresAtMs };
        return context.json(answer);
      },
    )
    .put(
      "/users/:name",
      {
        summary: "Change a user's name, grants or state",
        role: "admin",
        params: UserPath,
        body: UserChangeRequest,
        answer: UserResponse,
        refusals: USER_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        requireRole(principal, "admin");
        const { name } = readParams(context, UserPath);
        const change = await readBody(context, UserChangeRequest);
        const { source } = await getUser(name);
        if (change.isDisabled === true && principal.owner === name) {
          throw new ChangeRefusedError("you cannot disable yourself: ask another admin");
        }
        if (change.grants !== undefined && source === "oidc") {
          const why = "its grants come from the login provider at each login (HEDDLE_OIDC_GRANTS)";
          throw new ChangeRefusedError(`${name} is not local: ${why}`);
        }
        context.set("audit", { target: `${name}: ${describeChange(change)}` });
        await changeUser(db, name, change);
        await access.directory.refresh();
        const answer: UserResponse = { user: toUserState(await getUser(name)) };
        return context.json(answer);
      },
    )
    .delete(
      "/users/:name",
      {
        summary: "Delete a user and end its sessions",
        role: "admin",
        params: UserPath,
        answer: EndedResponse,
        refusals: USER_REFUSALS,
      },
      async (context) => {
        const principal = context.get("principal");
        requireRole(principal, "admin");
        const { name } = readParams(context, UserPath);
        if (principal.owner === name) {
          throw new ChangeRefusedError("you cannot delete yourself: ask another admin");
        }
        const { sessions } = await getUser(name);
        await deleteUser(db, name);
        await access.directory.refresh();
        const answer: EndedResponse = { ended: sessions };
        return context.json(answer);
      },
    )
    .post(
      "/users/:name/setup-link",
      {
        summary: "Make a new setup link for a local user",
        role: "admin",
        params: UserPath,
        answer: SetupLinkResponse,
        refusals: USER_REFUSALS,
      },
      async (context) => {
        requireRole(context.get("principal"), "admin");
        const { name } = readParams(context, UserPath);
        const { setupToken, hash, expiresAtMs } = makeLink();
        if (!(await renewSetupLink(db, name, hash, expiresAtMs))) {
          throw new NotFoundError(`there is no local user ${name}`);
        }
        const user = toUserState(await getUser(name));
        const answer: SetupLinkResponse = { user, setupToken, expiresAtMs };
        return context.json(answer);
      },
    )
    .post(
      "/users/:name/sign-out",
      {
        summary: "End a user's sessions",
        role: "admin",
        params: UserPath,
        answer: EndedResponse,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        requireRole(context.get("principal"), "admin");
        const { name } = readParams(context, UserPath);
        const answer: EndedResponse = { ended: await endSessions(db, { userName: name }) };
        await access.directory.refresh();
        return context.json(answer);
      },
    );
}

function describeChange({ displayName, grants, isDisabled }: UserChangeRequest): string {
  const words = [
    ...(displayName === undefined ? [] : [`called ${JSON.stringify(displayName)}`]),
    ...(isDisabled === undefined ? [] : [isDisabled ? "disabled" : "enabled"]),
    ...(grants === undefined ? [] : [`grants ${grants.map(formatGrant).join(", ") || "none"}`]),
  ];
  return words.join("; ");
}

/** `operator@shop` */
export function formatGrant({ namespace, role }: UserState["grants"][number]): string {
  return `${role}@${namespace}`;
}

function toUserState(user: StoredUser): UserState {
  const { displayName, setupEndsAtMs, lastLoginAtMs } = user;
  const isLinkGood = setupEndsAtMs !== undefined && setupEndsAtMs > Date.now();
  return {
    name: user.name,
    ...(displayName === undefined ? {} : { displayName }),
    source: user.source,
    grants: user.grants.map((grant) => ({ ...grant })),
    isDisabled: user.isDisabled,
    hasPassword: user.passwordHash !== undefined,
    ...(isLinkGood ? { setupEndsAtMs } : {}),
    createdAtMs: user.createdAtMs,
    createdBy: user.createdBy,
    ...(lastLoginAtMs === undefined ? {} : { lastLoginAtMs }),
    sessions: user.sessions,
  };
}
