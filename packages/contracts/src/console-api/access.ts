import { z } from "zod";
import { Role } from "./mesh-state.ts";

/** Who may come in and what they may do: login, users, sessions, API tokens, audit. Times are epoch ms. */

/** A role on one namespace; `*`: on the whole mesh. `{ "namespace": "shop", "role": "operator" }` */
export const Grant = z.object({
  namespace: z
    .string()
    .regex(
      /^(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$/,
      "expected * or a namespace: at most 63 lower-case letters, digits and hyphens",
    ),
  role: Role,
});

/** At most one grant a namespace. */
export const Grants = z
  .array(Grant)
  .max(100, "at most 100 grants")
  .refine(
    (grants) => new Set(grants.map(({ namespace }) => namespace)).size === grants.length,
    "names a namespace twice",
  );

/** Lower case, so that two names that look alike are one. */
export const UserName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._@+-]{0,127}$/,
    "expected at most 128 lower-case letters, digits and . _ @ + -, a letter or digit first",
  );

/** Bounds only: what makes a password good is its length. */
export const Password = z
  .string()
  .min(12, "a password has at least 12 characters")
  .max(256, "a password has at most 256 characters");

/** `GET /login/options` (no auth): the ways in that the login page offers. */
export const LoginOptions = z.object({
  /** There is at least one local user. */
  password: z.boolean(),
  /** The provider's name as the button says it. */
  oidc: z.object({ name: z.string() }).optional(),
});

/** `POST /login/password` → `LoginResponse`. */
export const PasswordLoginRequest = z.object({
  name: z.string().max(128),
  password: z.string().max(256),
});

/** `POST /login/oidc/start`: `next` is a path of the console. */
export const OidcStartRequest = z.object({ next: z.string().max(2000).optional() });
/** `flow` is sealed; the console keeps it in a cookie until the provider sends the browser back. */
export const OidcStartResponse = z.object({ authorizationUrl: z.string(), flow: z.string() });
/** `POST /login/oidc/finish`: `query` is the search part of the address the provider sent the browser to. */
export const OidcFinishRequest = z.object({
  flow: z.string().max(8192),
  query: z.string().max(8192),
});

/** `POST /setup/check` (no auth): whose setup link this is. */
export const SetupCheckRequest = z.object({ token: z.string().max(200) });
export const SetupCheckResponse = z.object({ name: z.string(), expiresAtMs: z.number() });
/** `POST /setup` (no auth) → `LoginResponse`: sets the password, once, and logs in. */
export const SetupRequest = z.object({ token: z.string().max(200), password: Password });

/** `PUT /me/password`: also ends the user's other sessions. */
export const PasswordChangeRequest = z.object({
  current: z.string().max(256),
  password: Password,
});

export const UserState = z.object({
  name: z.string(),
  displayName: z.string().optional(),
  /** `oidc`: known by the provider; its grants come with each login. */
  source: z.enum(["local", "oidc"]),
  grants: z.array(Grant),
  isDisabled: z.boolean(),
  /** A local user who has not used the setup link yet has none. */
  hasPassword: z.boolean(),
  /** A setup link that is still good. */
  setupEndsAtMs: z.number().optional(),
  createdAtMs: z.number(),
  createdBy: z.string(),
  lastLoginAtMs: z.number().optional(),
  sessions: z.number().int(),
});
export const UsersResponse = z.object({ users: z.array(UserState) });
export const UserCreateRequest = z.object({
  name: UserName,
  displayName: z.string().max(200).optional(),
  grants: Grants,
});
/** The link is `<console>/setup#token=<setupToken>`: shown once, good for 24 h, for one use. */
export const SetupLinkResponse = z.object({
  user: UserState,
  setupToken: z.string(),
  expiresAtMs: z.number(),
});
/** `PUT /users/{name}`: absent fields stay. */
export const UserChangeRequest = z.object({
  displayName: z.string().max(200).optional(),
  grants: Grants.optional(),
  isDisabled: z.boolean().optional(),
});
export const UserResponse = z.object({ user: UserState });

export const ApiTokenState = z.object({
  id: z.string(),
  name: z.string(),
  owner: z.string(),
  /** As given; what they reach is bounded by what the owner may do at the moment. */
  grants: z.array(Grant),
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  lastUsedAtMs: z.number().optional(),
});
export const ApiTokensResponse = z.object({ tokens: z.array(ApiTokenState) });
/** Grants at most the creator's. */
export const ApiTokenCreateRequest = z.object({
  name: z.string().min(1, "name the token after what uses it").max(100),
  grants: Grants.min(1, "a token needs at least one grant"),
  ttlSeconds: z
    .number()
    .int()
    .min(60)
    .max(366 * 86_400)
    .default(90 * 86_400),
});
/** `secret` is shown once. */
export const ApiTokenCreateResponse = z.object({ token: ApiTokenState, secret: z.string() });

export const SessionState = z.object({
  id: z.string(),
  user: z.string(),
  method: z.enum(["link", "password", "oidc", "setup"]),
  address: z.string(),
  agent: z.string(),
  createdAtMs: z.number(),
  lastSeenAtMs: z.number(),
  expiresAtMs: z.number(),
  /** The one that asks. */
  isCurrent: z.boolean(),
});
/** `GET /sessions`: one's own; `?all=true` (admin): everybody's. */
export const SessionsResponse = z.object({ sessions: z.array(SessionState) });
/** `POST /logout`. */
export const LogoutRequest = z.object({ everywhere: z.boolean().optional() });
/** What `DELETE /sessions/{id}`, `POST /users/{name}/sign-out` and `POST /logout` ended. */
export const EndedResponse = z.object({ ended: z.number().int() });

/** One act, as it stays for good. */
export const AuditEntry = z.object({
  id: z.number().int(),
  atMs: z.number(),
  actor: z.string(), // who was named, also when the login failed
  /** How the actor came in. `signed`: a token signed with the auth secret, as the local CLI's. */
  via: z.enum(["session", "token", "signed", "none"]),
  act: z.string(), // apply, login, user.create, …
  target: z.string(), // what it was done to; "" if nothing in particular
  result: z.enum(["ok", "refused", "failed"]),
  status: z.number().int(), // of the HTTP answer
  /** Why it was refused or failed. */
  reason: z.string().optional(),
  address: z.string(),
  agent: z.string(),
  revision: z.number().int().optional(),
});
/** `GET /audit?actor=&act=&target=&result=&fromMs=&toMs=&before=&limit=`; an admin sees all, others their own. */
export const AuditResponse = z.object({
  entries: z.array(AuditEntry), // newest first
  nextBefore: z.number().int().optional(), // pass as `before` for the next page
  /** Entries older than this many days are dropped. */
  retentionDays: z.number().int(),
});

export type Grant = z.infer<typeof Grant>;
export type LoginOptions = z.infer<typeof LoginOptions>;
export type OidcStartResponse = z.infer<typeof OidcStartResponse>;
export type SetupCheckResponse = z.infer<typeof SetupCheckResponse>;
export type UserState = z.infer<typeof UserState>;
export type UsersResponse = z.infer<typeof UsersResponse>;
export type UserChangeRequest = z.infer<typeof UserChangeRequest>;
export type UserResponse = z.infer<typeof UserResponse>;
export type SetupLinkResponse = z.infer<typeof SetupLinkResponse>;
export type ApiTokenState = z.infer<typeof ApiTokenState>;
export type ApiTokensResponse = z.infer<typeof ApiTokensResponse>;
export type ApiTokenCreateResponse = z.infer<typeof ApiTokenCreateResponse>;
export type SessionState = z.infer<typeof SessionState>;
export type SessionsResponse = z.infer<typeof SessionsResponse>;
export type EndedResponse = z.infer<typeof EndedResponse>;
export type AuditEntry = z.infer<typeof AuditEntry>;
export type AuditResponse = z.infer<typeof AuditResponse>;
