import { createHash } from "node:crypto";
import {
  LoginResponse,
  SetupCheckRequest,
  SetupCheckResponse,
  SetupRequest,
} from "@heddle/contracts";
import { findSetupLink, type StoredUser, useSetupLink } from "@heddle/store";
import { LoginRefusedError } from "../access/login-errors.ts";
import { hashPassword, passwordFault } from "../access/passwords.ts";
import { ApiRoutes } from "./api-routes.ts";
import { BadRequestError, readBody } from "./input.ts";
import { attempt, takeTurn } from "./login-attempt.ts";
import type { ApiParts } from "./parts.ts";
import { LOGIN_REFUSALS } from "./refusals.ts";

const SETUP_SPENT = "the setup link has expired, was used already, or is not of this mesh";

/** A new user's first step, without a bearer token: the setup link sets the password and logs in. */
export function setupRoutes(parts: ApiParts) {
  const { db, loginLimiter } = parts;
  return new ApiRoutes()
    .post(
      "/setup/check",
      {
        summary: "Show whose setup link this is",
        role: "anyone",
        body: SetupCheckRequest,
        answer: SetupCheckResponse,
        refusals: LOGIN_REFUSALS,
      },
      async (context) => {
        takeTurn(loginLimiter, context);
        const { token } = await readBody(context, SetupCheckRequest);
        const user = await getSetupUser(parts, token);
        const answer: SetupCheckResponse = {
          name: user.name,
          expiresAtMs: user.setupEndsAtMs ?? 0,
        };
        return context.json(answer);
      },
    )
    .post(
      "/setup",
      {
        summary: "Set the first password by a setup link, and log in",
        role: "anyone",
        body: SetupRequest,
        answer: LoginResponse,
        refusals: LOGIN_REFUSALS,
      },
      async (context) => {
        const { token, password } = await readBody(context, SetupRequest);
        const about = { act: "setup", target: "setup link" };
        return attempt(parts, context, about, async () => {
          takeTurn(loginLimiter, context);
          const { name } = await getSetupUser(parts, token);
          refuseWeak(password, name);
          const hash = await hashPassword(password);
          if (!(await useSetupLink(db, name, setupHash(token), hash, Date.now()))) {
            throw new LoginRefusedError(SETUP_SPENT, "spent setup link");
          }
          return { who: { kind: "user", name }, method: "setup" };
        });
      },
    );
}

/** Throws `BadRequestError` that names what is wrong with a new password. */
export function refuseWeak(password: string, userName: string): void {
  const fault = passwordFault(password, userName);
  if (fault !== undefined) throw new BadRequestError([{ field: "password", message: fault }]);
}

/** What is kept of a setup link. */
export function setupHash(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

async function getSetupUser({ db }: ApiParts, token: string): Promise<StoredUser> {
  const user = await findSetupLink(db, setupHash(token), Date.now());
  if (!user) throw new LoginRefusedError(SETUP_SPENT, "spent or foreign setup link");
  return user;
}
