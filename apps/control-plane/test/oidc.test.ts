import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type {
  AuditResponse,
  LoginResponse,
  MeResponse,
  OidcStartResponse,
} from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { Provider } from "oidc-provider";
import { parseGrantRules } from "../src/access/oidc-grants.ts";
import { type DoorClient, doorOf } from "./door-client.ts";
import { runControlPlane } from "./running-control-plane.ts";

type Scope = Parameters<typeof startDatabase>[0];
type Person = Readonly<Record<string, unknown>>;

const REDIRECT = "http://127.0.0.1:20001/api/v1/login/oidc/callback";
const CLIENT = { id: "heddle", secret: "a secret that provider and console share" };

/** A real OpenID provider on loopback, where the person of the moment is logged in without being asked. */
async function startProvider(t: Scope, person: () => Person): Promise<URL> {
  const server: Server = createServer();
  server.keepAliveTimeout = 120_000; // a busy machine must not meet a connection that is just being closed
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const provider = new Provider(issuer.origin, {
    clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [REDIRECT] }],
    claims: { profile: ["preferred_username", "name", "groups"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ["a key of the test"] },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...person() }),
    }),
  });
  const answer = provider.callback();
  const interact = async (request: IncomingMessage, response: ServerResponse) => {
    const { params, prompt, session } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") {
      const login = { accountId: String(person()["sub"]) };
      return provider.interactionFinished(request, response, { login });
    }
    const accountId = session?.accountId ?? "";
    const grant = new provider.Grant({ accountId, clientId: String(params["client_id"]) });
    grant.addOIDCScope(String(params["scope"]));
    const consent = { grantId: await grant.save() };
    return provider.interactionFinished(request, response, { consent });
  };
  server.on("request", (request, response) => {
    const isInteraction = request.url?.startsWith("/interaction/") === true;
    void (isInteraction ? interact(request, response) : answer(request, response));
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return issuer;
}

/** Goes where a browser would, with its cookies, until it is sent back to the console. */
async function visit(authorizationUrl: string): Promise<string> {
  const cookies = new Map<string, string>();
  let at = authorizationUrl;
  while (!at.startsWith(REDIRECT)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(at, { redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = line.split(";", 1)[0]?.split("=", 2) ?? [];
      cookies.set(name, value);
    }
    const next = response.headers.get("location");
    assert.ok(next, `${at} answered ${response.status}: ${await response.text()}`);
    at = new URL(next, at).href;
  }
  return new URL(at).search;
}

async function startMeshWithProvider(t: Scope & Parameters<typeof runControlPlane>[0]) {
  let person: Person = {};
  const issuer = await startProvider(t, () => person);
  const plane = await runControlPlane(t, (await startDatabase(t)).url, {
    access: {
      sessions: { idleMs: 3_600_000, maxMs: 86_400_000 },
      auditRetentionDays: 30,
      oidc: {
        issuer,
        clientId: CLIENT.id,
        clientSecret: CLIENT.secret,
        scopes: "openid profile",
        name: "the test's provider",
        groupsClaim: "groups",
        grantRules: parseGrantRules("shop-team=operator@shop; *=viewer") ?? [],
        redirectUri: new URL(REDIRECT),
      },
    },
  });
  const door = doorOf(plane);
  return {
    plane,
    door,
    become: (next: Person) => {
      person = next;
    },
  };
}

async function begin(door: DoorClient): Promise<OidcStartResponse> {
  const next = { next: "/graph?ns=shop" };
  return (await door.ask<OidcStartResponse>(undefined, "POST", "/login/oidc/start", next)).body;
}

const finish = (door: DoorClient, flow: string, query: string) =>
  door.ask<LoginResponse & { next: string; detail: string }>(
    undefined,
    "POST",
    "/login/oidc/finish",
    { flow, query },
  );

test("whom the provider vouches for comes in with the grants of their groups, anew at each login", async (t) => {
  const { door, become } = await startMeshWithProvider(t);
  const logIn = async () => {
    const { authorizationUrl, flow } = await begin(door);
    assert.match(authorizationUrl, /code_challenge_method=S256/);
    return finish(door, flow, await visit(authorizationUrl));
  };
  const mara = { sub: "u-1", preferred_username: "Mara", name: "Mara Ng" };
  become({ ...mara, groups: ["shop-team"] });
  const { status, body } = await logIn();
  assert.deepEqual(
    [status, body.next, body.user],
    [200, "/graph?ns=shop", { name: "mara", role: "viewer" }],
  );
  const me = () => door.ask<MeResponse>(body.sessionToken, "GET", "/me");
  assert.deepEqual((await me()).body.grants, [
    { namespace: "shop", role: "operator" },
    { namespace: "*", role: "viewer" },
  ]);
  become({ ...mara, groups: [] });
  assert.equal((await logIn()).status, 200);
  assert.deepEqual((await me()).body.grants, [{ namespace: "*", role: "viewer" }]);
});

test("a login by the provider is taken once, with its own state, nonce and verifier, and by nobody else", async (t) => {
  const { door, plane, become } = await startMeshWithProvider(t);
  become({ sub: "u-1", preferred_username: "mara", groups: [] });
  const [mine, other] = [await begin(door), await begin(door)];
  const query = await visit(mine.authorizationUrl);
  const swapped = await finish(door, other.flow, query);
  const altered = await finish(door, mine.flow, query.replace(/state=[^&]*/, "state=mine"));
  const end = mine.flow.endsWith("AAAA") ? "BBBA" : "AAAA";
  const unsealed = await finish(door, mine.flow.slice(0, -4) + end, query);
  const denied = await finish(door, mine.flow, "?error=access_denied");
  for (const { status, body } of [swapped, altered, unsealed, denied]) {
    assert.equal(status, 401, JSON.stringify(body));
    assert.match(body.detail, /did not let you in/);
  }
  const again = await begin(door);
  const code = await visit(again.authorizationUrl);
  const twice = [await finish(door, again.flow, code), await finish(door, again.flow, code)];
  assert.deepEqual(
    twice.map(({ status }) => status),
    [200, 401],
  );
  const { body } = await plane.call<AuditResponse>("GET", "/audit?act=login&result=refused");
  assert.ok(body.entries.length >= 5);
});

test("nobody gets the name of a local user from the provider", async (t) => {
  const { door, become } = await startMeshWithProvider(t);
  await door.addUser("mara", [{ namespace: "*", role: "admin" }]);
  become({ sub: "u-2", preferred_username: "mara", groups: [] });
  const { authorizationUrl, flow } = await begin(door);
  assert.equal((await finish(door, flow, await visit(authorizationUrl))).status, 401);
});

test("nobody gets a name from the provider that the mesh itself acts under", async (t) => {
  const { door, become } = await startMeshWithProvider(t);
  become({ sub: "u-3", preferred_username: "Admin", groups: [] });
  const { authorizationUrl, flow } = await begin(door);
  const { status, body } = await finish(door, flow, await visit(authorizationUrl));
  assert.deepEqual([status, body.user?.name], [200, "u-3"]);
});

test("a provider that is away is said to be so", async (t) => {
  const dead = new URL("http://127.0.0.1:9");
  const plane = await runControlPlane(t, (await startDatabase(t)).url, {
    access: {
      sessions: { idleMs: 3_600_000, maxMs: 86_400_000 },
      auditRetentionDays: 30,
      oidc: {
        issuer: dead,
        clientId: CLIENT.id,
        clientSecret: CLIENT.secret,
        scopes: "openid",
        name: "nobody",
        groupsClaim: "groups",
        grantRules: [],
        redirectUri: new URL(REDIRECT),
      },
    },
  });
  const { status, body } = await doorOf(plane).ask(undefined, "POST", "/login/oidc/start", {});
  assert.deepEqual([status, body.code], [503, "HEDDLE_LOGIN_UNAVAILABLE"]);
});
