import assert from "node:assert/strict";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { Answerer, SeenApp } from "../../harness/seen-app.ts";
import type { CallOptions } from "../../harness/send-request.ts";

const ROOT = { namespace: "istio-system" };
const VAULT = "selector: {matchLabels: {app: vault}}";
const EXT = "extensionProviders[].envoyExtAuthzHttp";
const BODY = `${EXT}.includeRequestBodyInCheck`;

const alone = (fields: string, title: string, run: ConformanceCase["run"]) =>
  proof("MeshConfig", fields, title, run, { isAlone: true });
const ask = (mesh: CaseMesh, options: CallOptions = {}) => mesh.call({ host: "vault", ...options });
const allow: Answerer = (response) => void response.end();

/** An authorizer on loopback, asked about all of vault's requests; `spec` adds to its provider. */
async function authorize(mesh: CaseMesh, decide: Answerer, spec = ""): Promise<SeenApp> {
  const authorizer = await mesh.app("authorizer", decide);
  await provide(mesh, authorizer, spec);
  return authorizer;
}

async function provide(mesh: CaseMesh, { port }: Pick<SeenApp, "port">, spec = ""): Promise<void> {
  const more = spec === "" ? "" : `, ${spec}`;
  await mesh.apply(
    mesh.document(
      "MeshConfig",
      `extensionProviders: [{name: ext, envoyExtAuthzHttp: {service: 127.0.0.1, port: ${port}${more}}}]`,
      ROOT,
    ),
    mesh.document(
      "AuthorizationPolicy",
      `${VAULT}, action: CUSTOM, provider: {name: ext}, rules: [{to: [{operation: {notPaths: [/open]}}]}]`,
    ),
  );
}

export const externalAuthorizerCases: readonly ConformanceCase[] = [
  proof(
    "AuthorizationPolicy",
    "action provider provider.name",
    "CUSTOM asks the provider of that name about the requests its rules match, before DENY and ALLOW",
    async (mesh) => {
      const authorizer = await authorize(mesh, (response, { url }) => {
        response.writeHead(url === "/no" ? 403 : 200).end("as I say");
      });
      assert.equal((await ask(mesh, { path: "/yes" })).status, 200);
      const { status, text, headers } = await ask(mesh, { path: "/no" });
      assert.deepEqual([status, text], [403, "as I say"]);
      assert.equal(headers["x-heddle-flags"], "UAEX");
      const asked = authorizer.seen.length;
      assert.equal((await ask(mesh, { path: "/open" })).status, 200);
      assert.equal(authorizer.seen.length, asked);
      const deny = `${VAULT}, action: DENY, rules: [{to: [{operation: {paths: [/yes]}}]}]`;
      await mesh.applyOne("AuthorizationPolicy", deny, { name: `${mesh.id}-deny` });
      assert.equal((await ask(mesh, { path: "/yes" })).status, 403);
      assert.equal(authorizer.seen.length, asked + 1);
    },
    { isAlone: true },
  ),
  proof(
    "AuthorizationPolicy",
    "provider.name",
    "that MeshConfig does not have denies everything",
    async (mesh) => {
      const custom = "action: CUSTOM, provider: {name: nobody}, rules: [{}]";
      await mesh.applyOne("AuthorizationPolicy", `${VAULT}, ${custom}`);
      const { status, text } = await ask(mesh);
      assert.equal(status, 403);
      assert.match(text, /no extension provider "nobody"/);
    },
    { isAlone: true },
  ),
  alone(
    `extensionProviders extensionProviders[].name ${EXT} ${EXT}.service ${EXT}.port ${EXT}.pathPrefix`,
    "is asked at its host and port, by the request's method and path behind a prefix",
    async (mesh) => {
      const authorizer = await authorize(mesh, allow, "pathPrefix: /check");
      assert.equal((await ask(mesh, { method: "PUT", path: "/a?b=c" })).status, 200);
      const [check] = authorizer.seen;
      assert.deepEqual([check?.method, check?.url, check?.body], ["PUT", "/check/a?b=c", ""]);
    },
  ),
  alone(
    `${EXT}.service`,
    "of the mesh is reached as any service is, with mTLS and on the graph",
    async (mesh) => {
      const port = mesh.world.apps.get("ratings-v1")?.port ?? 0;
      await mesh.apply(
        mesh.document(
          "MeshConfig",
          `extensionProviders: [{name: ext, envoyExtAuthzHttp: {service: ratings.shop.svc.cluster.local, port: ${port}, includeRequestHeadersInCheck: [x-case]}}]`,
          ROOT,
        ),
        mesh.document(
          "AuthorizationPolicy",
          `${VAULT}, action: CUSTOM, provider: {name: ext}, rules: [{}]`,
        ),
      );
      assert.equal((await ask(mesh, { headers: { "x-case": mesh.id } })).status, 200);
      const [check] = mesh.seenBy("ratings-v1");
      assert.match(check?.headers["x-forwarded-client-cert"] ?? "", /\/sa\/vault/);
      assert.equal(check?.headers["x-forwarded-host"], "vault");
    },
  ),
  alone(
    `${EXT}.timeout ${EXT}.statusOnError`,
    "is how long it is waited for, and what is answered when it does not decide",
    async (mesh) => {
      await authorize(mesh, () => "held", 'timeout: 0.2s, statusOnError: "503"');
      assert.equal((await ask(mesh)).status, 503);
      await authorize(mesh, (response) => void response.writeHead(500).end());
      assert.equal((await ask(mesh)).status, 403);
    },
  ),
  alone(`${EXT}.failOpen`, "lets requests pass that it does not decide on", async (mesh) => {
    await authorize(mesh, (response) => void response.writeHead(500).end(), "failOpen: true");
    assert.equal((await ask(mesh)).status, 200);
  }),
  ...(["includeRequestHeadersInCheck", "includeHeadersInCheck"] as const).map((field) =>
    alone(`${EXT}.${field}`, "are the headers it is shown, beside Authorization", async (mesh) => {
      const authorizer = await authorize(mesh, allow, `${field}: [x-user, "x-auth-*"]`);
      const headers = { "x-user": "jo", "x-auth-a": "1", "x-other": "2", authorization: "me" };
      await ask(mesh, { headers });
      const shown = authorizer.seen[0]?.headers ?? {};
      assert.deepEqual(
        ["x-user", "x-auth-a", "x-other", "authorization"].map((name) => shown[name]),
        ["jo", "1", undefined, "me"],
      );
    }),
  ),
  alone(
    `${EXT}.includeAdditionalHeadersInCheck`,
    "are headers of the provider's own in each check",
    async (mesh) => {
      const added = "includeAdditionalHeadersInCheck: {x-from: heddle}";
      const authorizer = await authorize(mesh, allow, added);
      await ask(mesh, { headers: { "x-from": "somebody" } });
      assert.equal(authorizer.seen[0]?.headers["x-from"], "heddle");
    },
  ),
  alone(
    `${BODY} ${BODY}.maxRequestBytes ${BODY}.allowPartialMessage`,
    "shows it the body, up to a bound; a longer one is refused, or shown in part",
    async (mesh) => {
      const spec = (more = "") => `includeRequestBodyInCheck: {maxRequestBytes: 4${more}}`;
      const authorizer = await authorize(mesh, allow, spec());
      const post = (body: string) => ask(mesh, { method: "POST", body });
      assert.equal((await post("abcd")).seen.body, "abcd");
      assert.equal(authorizer.seen[0]?.body, "abcd");
      assert.equal((await post("abcde")).status, 413);
      await provide(mesh, authorizer, spec(", allowPartialMessage: true"));
      assert.equal((await post("abcde")).seen.body, "abcde");
      assert.equal(authorizer.seen[1]?.body, "abcd");
    },
  ),
  alone(
    `${EXT}.headersToUpstreamOnAllow ${EXT}.headersToDownstreamOnAllow`,
    "are the headers of its yes that the app gets in the place of the caller's, and the caller with the answer",
    async (mesh) => {
      const decide: Answerer = (response) =>
        void response.setHeader("x-user", "jo").setHeader("x-told", "1").end();
      const spec = "headersToUpstreamOnAllow: [x-user], headersToDownstreamOnAllow: [x-told]";
      await authorize(mesh, decide, spec);
      const { seen, headers } = await ask(mesh, { headers: { "x-user": "root" } });
      assert.deepEqual([seen.headers["x-user"], seen.headers["x-told"]], ["jo", undefined]);
      assert.deepEqual([headers["x-user"], headers["x-told"]], [undefined, "1"]);
    },
  ),
  alone(
    `${EXT}.headersToDownstreamOnDeny`,
    "are the headers of its no that the caller gets; all of them where none are listed",
    async (mesh) => {
      const decide: Answerer = (response) =>
        void response.writeHead(302, { location: "/login", "x-a": "1", "x-b": "2" }).end();
      await authorize(mesh, decide);
      assert.equal((await ask(mesh)).headers["x-b"], "2");
      await authorize(mesh, decide, "headersToDownstreamOnDeny: [x-a]");
      const { status, headers } = await ask(mesh);
      const { location, "x-a": a, "x-b": b } = headers;
      assert.deepEqual([status, location, a, b], [302, "/login", "1", undefined]);
    },
  ),
];
