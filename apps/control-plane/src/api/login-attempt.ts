import type { LoginResponse } from "@heddle/contracts";
import { roleOn, WHOLE_MESH } from "@heddle/mesh";
import { findUser, type SessionMethod } from "@heddle/store";
import type { Context } from "hono";
import { LoginRefusedError, TooManyLoginsError } from "../access/login-errors.ts";
import { OidcUnavailableError } from "../access/oidc-provider.ts";
import type { NewcomerIdentity } from "../access/session-keeper.ts";
import { resultOf } from "./audit-acts.ts";
import { clientOf } from "./client-of.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";

/** Secrets too long to guess need no more than a bound on the work they make. */
export function takeTurn(limiter: ApiParts["loginLimiter"], context: Context): void {
  if (!limiter.take(clientOf(context).address, Date.now())) throw new TooManyLoginsError(1000);
}

type Newcomer = {
  readonly who: NewcomerIdentity;
  readonly method: SessionMethod;
  readonly next?: string;
};

/** Lets somebody in, or not, and writes down which. Throws what `tryToLogIn` throws. */
export async function attempt(
  { access, db }: ApiParts,
  context: Context<ApiEnv>,
  about: { readonly act: string; readonly target: string; readonly actor?: string },
  tryToLogIn: () => Promise<Newcomer>,
): Promise<Response> {
  const client = clientOf(context);
  const record = (actor: string, status: number, reason?: string) =>
    access.audit.record({
      atMs: Date.now(),
      actor,
      via: "none",
      act: about.act,
      target: about.target,
      result: resultOf(status),
      status,
      reason,
      ...client,
      revision: undefined,
    });
  try {
    const { who, method, next } = await tryToLogIn();
    const { secret, expiresAtMs } = await access.sessions.begin(who, method, client);
    await record(who.name, 200);
    const grants =
      who.kind === "link" ? who.grants : ((await findUser(db, who.name))?.grants ?? []);
    const answer: LoginResponse = {
      sessionToken: secret,
      user: { name: who.name, role: roleOn(grants, WHOLE_MESH) ?? "viewer" },
      expiresAtMs,
      ...(next === undefined ? {} : { next }),
    };
    return context.json(answer);
  } catch (error) {
    const actor = about.actor ?? "unknown";
    if (error instanceof LoginRefusedError) await record(actor, 401, error.reason);
    else if (error instanceof TooManyLoginsError) {
      if (access.slowedNotes.take(client.address, Date.now())) {
        await record(actor, 429, `${error.message}; further ones are not listed for a minute`);
      }
    } else if (error instanceof OidcUnavailableError) await record(actor, 503, error.message);
    throw error;
  }
}
