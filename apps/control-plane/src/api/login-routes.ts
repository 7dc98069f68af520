import {
  LoginOptions,
  LoginRequest,
  LoginResponse,
  OidcFinishRequest,
  OidcStartRequest,
  OidcStartResponse,
  PasswordLoginRequest,
} from "@heddle/contracts";
import { verifyToken } from "@heddle/runtime";
import {
  findUser,
  hasLocalUsers,
  rehashPassword,
  upsertOidcUser,
  useLoginToken,
} from "@heddle/store";
import { LoginRefusedError, TooManyLoginsError } from "../access/login-errors.ts";
import { OidcRefusedError } from "../access/oidc-provider.ts";
import { hashPassword, isOutdated, isPassword } from "../access/passwords.ts";
import { ApiRoutes } from "./api-routes.ts";
import { clientOf } from "./client-of.ts";
import { readBody } from "./input.ts";
import { attempt, takeTurn } from "./login-attempt.ts";
import type { ApiParts } from "./parts.ts";
import { DATABASE_AWAY, LOGIN_REFUSALS } from "./refusals.ts";

const WRONG = "name or password is wrong";
const SPENT = "the login link has expired, was used already, or is not of this mesh";
const NOT_VOUCHED = "the login provider did not let you in, or the login took longer than 10 min";

/** The ways in, the only routes without a bearer token. Each attempt is in the audit log, whatever came of it. */
export function loginRoutes(parts: ApiParts) {
  const { authSecret, db, loginLimiter, access } = parts;
  const { throttle, oidc } = access;
  return new ApiRoutes()
    .get(
      "/login/options",
      {
        summary: "Show the ways to log in",
        role: "anyone",
        answer: LoginOptions,
        refusals: DATABASE_AWAY,
      },
      async (context) => {
        const answer: LoginOptions = {
          password: await hasLocalUsers(db),
          ...(oidc ? { oidc: { name: oidc.name } } : {}),
        };
        return context.json(LoginOptions.parse(answer));
      },
    )
    .post(
      "/login",
      {
        summary: "Log in by the one-time token of a login link",
        role: "anyone",
        body: LoginRequest,
        answer: LoginResponse,
        refusals: LOGIN_REFUSALS,
      },
      async (context) => {
        const { token } = await readBody(context, LoginRequest);
        return attempt(parts, context, { act: "login", target: "login link" }, async () => {
          takeTurn(loginLimiter, context);
          const link = await verifyToken(authSecret, ["login"], token);
          const isGood =
            link?.tokenId !== undefined &&
            (await useLoginToken(db, link.tokenId, link.expiresAtMs));
          if (!isGood) throw new LoginRefusedError(SPENT, "spent or foreign login link");
          return { who: { kind: "link", name: link.name, grants: link.grants }, method: "link" };
        });
      },
    )
    .post(
      "/login/password",
      {
        summary: "Log in by name and password",
        role: "anyone",
        body: PasswordLoginRequest,
        answer: LoginResponse,
        refusals: LOGIN_REFUSALS,
      },
      async (context) => {
        const request = await readBody(context, PasswordLoginRequest);
        const name = request.name.trim().toLowerCase();
        return attempt(
          parts,
          context,
          { act: "login", target: "password", actor: name },
          async () => {
            const { address } = clientOf(context);
            const waitMs = throttle.begin(name, address, Date.now());
            if (waitMs > 0) throw new TooManyLoginsError(waitMs);
            const user = await findUser(db, name);
            const stored = user?.source === "local" ? user.passwordHash : undefined;
            const isRight = await isPassword(request.password, stored);
            if (!user || stored === undefined || !isRight) {
              throw new LoginRefusedError(WRONG, user ? "wrong password" : "no such user");
            }
            if (user.isDisabled) throw new LoginRefusedError(WRONG, "disabled");
            throttle.succeeded(name, address);
            if (isOutdated(stored)) {
              await rehashPassword(db, name, stored, await hashPassword(request.password));
            }
            return { who: { kind: "user", name }, method: "password" };
          },
        );
      },
    )
    .post(
      "/login/oidc/start",
      {
        summary: "Begin a login by the OpenID Connect provider",
        role: "anyone",
        body: OidcStartRequest,
        answer: OidcStartResponse,
        refusals: [...LOGIN_REFUSALS, "HEDDLE_LOGIN_UNAVAILABLE"],
      },
      async (context) => {
        if (!oidc) throw new LoginRefusedError("no login provider is set up", "no provider");
        takeTurn(loginLimiter, context);
        const { next = "/" } = await readBody(context, OidcStartRequest);
        const answer: OidcStartResponse = await oidc.start(next);
        return context.json(answer);
      },
    )
    .post(
      "/login/oidc/finish",
      {
        summary: "End a login by the OpenID Connect provider",
        role: "anyone",
        body: OidcFinishRequest,
        answer: LoginResponse,
        refusals: [...LOGIN_REFUSALS, "HEDDLE_LOGIN_UNAVAILABLE"],
      },
      async (context) => {
        const { flow, query } = await readBody(context, OidcFinishRequest);
        return attempt(parts, context, { act: "login", target: "oidc" }, async () => {
          if (!oidc) throw new LoginRefusedError("no login provider is set up", "no provider");
          takeTurn(loginLimiter, context);
          const { person, next } = await oidc.finish(flow, query).catch((error: unknown) => {
            if (!(error instanceof OidcRefusedError)) throw error;
            throw new LoginRefusedError(NOT_VOUCHED, error.message);
          });
          const user = await upsertOidcUser(db, person);
          if (!user)
            throw new LoginRefusedError(NOT_VOUCHED, `${person.name} is somebody else here`);
          if (user.isDisabled) throw new LoginRefusedError(NOT_VOUCHED, `${user.name} is disabled`);
          return { who: { kind: "user", name: user.name }, method: "oidc", next };
        });
      },
    );
}
