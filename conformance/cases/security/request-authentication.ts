import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { CallOptions } from "../../harness/send-request.ts";
import { bearer, ISSUER, JWKS, signToken } from "./signed-token.ts";

const KIND = "RequestAuthentication";
const VAULT = "selector: {matchLabels: {app: vault}}";
const KEYS = `issuer: "${ISSUER}", jwks: '${JWKS}'`;
const PLACES = ["jwtRules[].fromHeaders", "jwtRules[].fromParams", "jwtRules[].fromCookies"];

const alone = (fields: string, title: string, run: ConformanceCase["run"]) =>
  proof(KIND, fields, title, run, { isAlone: true });
const rule = (mesh: CaseMesh, more = "", keys = KEYS) =>
  mesh.applyOne(KIND, `${VAULT}, jwtRules: [{${keys}${more === "" ? "" : `, ${more}`}}]`);
const ask = (mesh: CaseMesh, options: CallOptions = {}) => mesh.call({ host: "vault", ...options });

async function refusal(mesh: CaseMesh, options: CallOptions): Promise<string> {
  const { status, text, headers } = await ask(mesh, options);
  assert.equal(status, 401, text);
  assert.match(headers["www-authenticate"] ?? "", /^Bearer realm="http/);
  return text.split("\n")[0] ?? "";
}

export const requestAuthenticationCases: readonly ConformanceCase[] = [
  alone(
    "jwtRules[].issuer jwtRules[].jwks",
    "a token that is not good is answered with 401; without a token requests pass, without identity",
    async (mesh) => {
      await rule(mesh);
      assert.equal((await ask(mesh)).status, 200);
      assert.equal((await ask(mesh, { headers: bearer() })).status, 200);
      const told = (claims: Record<string, unknown>) => refusal(mesh, { headers: bearer(claims) });
      assert.equal(await told({ iss: "https://other.test" }), "Jwt issuer is not configured");
      assert.equal(await told({ exp: 1 }), "Jwt is expired");
      assert.equal(await told({ nbf: 9_999_999_999 }), "Jwt not yet valid");
      const token = signToken();
      const forged = token.replace(/\.[^.]+\./, `.${signToken({ sub: "al" }).split(".")[1]}.`);
      const headers = { authorization: `Bearer ${forged}` };
      assert.equal(await refusal(mesh, { headers }), "Jwt verification fails");
    },
  ),
  alone(
    "selector selector.matchLabels jwtRules",
    "holds for the workloads it selects; of several rules one that is met is enough",
    async (mesh) => {
      await mesh.applyOne(
        KIND,
        `${VAULT}, jwtRules: [{${KEYS}}, {issuer: "https://two.test", jwks: '${JWKS}'}]`,
      );
      const headers = bearer({ iss: "https://two.test" });
      assert.equal((await ask(mesh, { headers })).status, 200);
      assert.equal((await ask(mesh, { headers: bearer({ iss: "x" }) })).status, 401);
      const elsewhere = { host: "ratings", headers: bearer({ iss: "x" }) };
      assert.equal((await mesh.call(elsewhere)).status, 200);
    },
  ),
  alone("jwtRules[].audiences", "a token must be for one of them", async (mesh) => {
    await rule(mesh, "audiences: [shop.test, till]");
    assert.equal((await ask(mesh, { headers: bearer({ aud: "till" }) })).status, 200);
    assert.equal((await ask(mesh, { headers: bearer({ aud: ["x", "shop.test"] }) })).status, 200);
    const told = await refusal(mesh, { headers: bearer({ aud: "bank" }) });
    assert.equal(told, "Audiences in Jwt are not allowed");
  }),
  ...(["jwksUri", "jwks_uri"] as const).map((field) =>
    alone(
      `jwtRules[].${field}`,
      "is where the control plane fetches the keys; until it has them, tokens are refused",
      async (mesh) => {
        let isUp = false;
        const issuer = await mesh.app("issuer", (response) => {
          if (isUp) response.end(JWKS);
          else response.writeHead(500).end();
        });
        const url = `http://127.0.0.1:${issuer.port}/keys`;
        await rule(mesh, "", `issuer: "${ISSUER}", ${field}: "${url}"`);
        assert.match(mesh.warnings.join("\n"), /its keys could not be fetched.*it answers 500/);
        const told = await refusal(mesh, { headers: bearer() });
        assert.equal(told, "Jwks remote fetch is failed");
        assert.equal((await ask(mesh)).status, 200);
        isUp = true;
        await waitFor("the keys have come", 20_000, async () => {
          return (await ask(mesh, { headers: bearer() })).status === 200;
        });
        assert.equal(issuer.seen[0]?.url, "/keys");
      },
    ),
  ),
  alone(
    "jwtRules[].issuer",
    "is asked for its keys by OpenID Connect discovery where none are given",
    async (mesh) => {
      const issuer = await mesh.app("issuer", (response, { url }) => {
        const base = `http://127.0.0.1:${issuer.port}`;
        response.end(url === "/keys" ? JWKS : JSON.stringify({ jwks_uri: `${base}/keys` }));
      });
      const url = `http://127.0.0.1:${issuer.port}`;
      await rule(mesh, "", `issuer: "${url}"`);
      assert.equal((await ask(mesh, { headers: bearer({ iss: url }) })).status, 200);
      assert.equal(issuer.seen[0]?.url, "/.well-known/openid-configuration");
    },
  ),
  alone("jwtRules[].timeout", "is how long a fetch of the keys may take", async (mesh) => {
    const issuer = await mesh.app("issuer", () => "held");
    const url = `http://127.0.0.1:${issuer.port}/keys`;
    await rule(mesh, "", `issuer: "${ISSUER}", jwksUri: "${url}", timeout: 0.2s`);
    assert.match(mesh.warnings.join("\n"), /no answer within 200 ms/);
  }),
  alone(
    `${PLACES[0]} ${PLACES[0]}[].name ${PLACES[0]}[].prefix`,
    "are headers with tokens behind a prefix, instead of Authorization and access_token",
    async (mesh) => {
      const required = "presence: REQUIRED";
      await rule(mesh, required);
      assert.equal((await ask(mesh, { path: `/?access_token=${signToken()}` })).status, 200);
      await rule(mesh, `${required}, fromHeaders: [{name: X-Jwt, prefix: "v1 "}, {name: x-bare}]`);
      const told = async (headers: Record<string, string>) => (await ask(mesh, { headers })).status;
      assert.equal(await told({ "x-jwt": `v1 ${signToken()}` }), 200);
      assert.equal(await told({ "x-bare": signToken() }), 200);
      assert.equal(await told({ "x-jwt": signToken() }), 401);
      assert.equal(await told(bearer()), 401);
    },
  ),
  alone(PLACES[1] ?? "", "are parameters with tokens", async (mesh) => {
    await rule(mesh, "presence: REQUIRED, fromParams: [t]");
    assert.equal((await ask(mesh, { path: `/?a=b&t=${signToken()}` })).status, 200);
    assert.equal((await ask(mesh, { path: `/?access_token=${signToken()}` })).status, 401);
  }),
  alone(PLACES[2] ?? "", "are cookies with tokens", async (mesh) => {
    await rule(mesh, "presence: REQUIRED, fromCookies: [session]");
    const cookie = `a=b; session=${signToken()}`;
    assert.equal((await ask(mesh, { headers: { cookie } })).status, 200);
    assert.equal((await ask(mesh, { headers: { cookie: "session=x" } })).status, 401);
  }),
  alone(
    "jwtRules[].forwardOriginalToken",
    "passes the token on to the app, where it ends at the sidecar otherwise",
    async (mesh) => {
      const headers = bearer();
      await rule(mesh);
      assert.equal((await ask(mesh, { headers })).seen.headers["authorization"], undefined);
      const path = `/a?access_token=${signToken()}&b=c`;
      assert.equal((await ask(mesh, { path })).seen.url, "/a?b=c");
      await rule(mesh, "forwardOriginalToken: true");
      const { seen } = await ask(mesh, { headers });
      assert.equal(seen.headers["authorization"], headers.authorization);
      assert.equal((await ask(mesh, { path })).seen.url, path);
    },
  ),
  alone(
    "jwtRules[].outputPayloadToHeader",
    "gives the app the payload in base64url, and takes out what a caller writes there",
    async (mesh) => {
      await rule(mesh, "outputPayloadToHeader: x-payload");
      const forged = { "x-payload": "mine" };
      assert.equal((await ask(mesh, { headers: forged })).seen.headers["x-payload"], undefined);
      const { seen } = await ask(mesh, { headers: { ...forged, ...bearer() } });
      const payload = Buffer.from(seen.headers["x-payload"] ?? "", "base64url").toString();
      assert.equal(JSON.parse(payload).sub, "jo");
    },
  ),
  alone(
    "jwtRules[].outputClaimToHeaders jwtRules[].outputClaimToHeaders[].header jwtRules[].outputClaimToHeaders[].claim",
    "gives the app claims, nested ones by a.b, and takes out what a caller writes there",
    async (mesh) => {
      const claims = "[{header: x-sub, claim: sub}, {header: x-role, claim: realm.role}]";
      await rule(mesh, `outputClaimToHeaders: ${claims}`);
      const forged = { "x-sub": "root", "x-role": "root" };
      const bare = (await ask(mesh, { headers: forged })).seen.headers;
      assert.deepEqual([bare["x-sub"], bare["x-role"]], [undefined, undefined]);
      const headers = { ...forged, ...bearer({ realm: { role: "clerk" } }) };
      const { seen } = await ask(mesh, { headers });
      assert.deepEqual([seen.headers["x-sub"], seen.headers["x-role"]], ["jo", "clerk"]);
    },
  ),
  alone(
    "jwtRules[].spaceDelimitedClaims",
    "are claims of several values, as scope and permission always are",
    async (mesh) => {
      const allow = (claim: string) =>
        mesh.document(
          "AuthorizationPolicy",
          `${VAULT}, rules: [{when: [{key: "request.auth.claims[${claim}]", values: [write]}]}]`,
        );
      const headers = bearer({ scope: "read write", roles: "read write" });
      await rule(mesh);
      await mesh.apply(allow("scope"));
      assert.equal((await ask(mesh, { headers })).status, 200);
      await mesh.apply(allow("roles"));
      assert.equal((await ask(mesh, { headers })).status, 403);
      await rule(mesh, "spaceDelimitedClaims: [roles]");
      assert.equal((await ask(mesh, { headers })).status, 200);
    },
  ),
  alone("jwtRules[].presence", "REQUIRED refuses requests without a token", async (mesh) => {
    await rule(mesh, "presence: REQUIRED");
    assert.equal(await refusal(mesh, {}), "Jwt is missing");
    assert.equal((await ask(mesh, { headers: bearer() })).status, 200);
    await rule(mesh, "presence: OPTIONAL");
    assert.equal((await ask(mesh)).status, 200);
  }),
];
