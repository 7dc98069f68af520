import assert from "node:assert/strict";
import tls from "node:tls";
import { type CaseMesh, readUntil } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { CallOptions } from "../../harness/send-request.ts";
import { bearer, ISSUER, JWKS } from "./signed-token.ts";

const KIND = "AuthorizationPolicy";
const VAULT = "selector: {matchLabels: {app: vault}}";

/** A request to vault: through a sidecar, or in plaintext with `isBare`. */
type Ask = CallOptions & { readonly isBare?: boolean; readonly port?: "http" | "admin" };

async function ask(mesh: CaseMesh, { isBare = false, port = "http", ...options }: Ask) {
  const index = port === "http" ? 0 : 1;
  if (isBare) {
    const answer = await mesh.direct(mesh.world.inboundPort("vault", index), options);
    return answer.status;
  }
  return (await mesh.call({ host: `vault.shop:${portOf(mesh, port)}`, ...options })).status;
}

function portOf(mesh: CaseMesh, port: "http" | "admin"): number {
  return mesh.world.apps.get(port === "http" ? "vault" : "vault-admin")?.port ?? 0;
}

type RuleRow = {
  readonly fields: string;
  readonly title: string;
  /** One rule of an ALLOW policy; HTTP_PORT is vault's first app port. */
  readonly rule: string;
  readonly allows: readonly Ask[];
  readonly denies: readonly Ask[];
};

const source = (text: string) => `from: [{source: {${text}}}]`;
const operation = (text: string) => `to: [{operation: {${text}}}]`;
const when = (text: string) => `when: [{${text}}]`;
const FRONT: Ask = {};
const MOBILE: Ask = { from: "mobile" };
const TELLER: Ask = { from: "teller" };
const BARE: Ask = { isBare: true };
const paths = (...all: string[]): Ask[] => all.map((path) => ({ path }));

const RULES: readonly RuleRow[] = [
  {
    fields: "from[].source.principals",
    title: "are identities proven by mTLS: exact, prefix*, *suffix, * for any",
    rule: source('principals: ["cluster.local/ns/shop/sa/front"]'),
    allows: [FRONT],
    denies: [MOBILE, TELLER, BARE],
  },
  {
    fields: "from[].source.principals",
    title: "* is anybody with a certificate",
    rule: source('principals: ["*"]'),
    allows: [FRONT, TELLER],
    denies: [BARE],
  },
  {
    fields: "from[].source.notPrincipals",
    title: "takes a caller without certificate in",
    rule: source('notPrincipals: ["*/sa/front"]'),
    allows: [MOBILE, BARE],
    denies: [FRONT],
  },
  {
    fields: "from[].source.namespaces",
    title: "is the namespace of the caller's identity",
    rule: source("namespaces: [bank]"),
    allows: [TELLER],
    denies: [FRONT, BARE],
  },
  {
    fields: "from[].source.notNamespaces",
    title: "is everybody else's, those without identity among them",
    rule: source("notNamespaces: [bank]"),
    allows: [FRONT, BARE],
    denies: [TELLER],
  },
  {
    fields: "from[].source.serviceAccounts",
    title:
      "is the workload of the caller's identity, of the policy's namespace where none is given",
    rule: source("serviceAccounts: [front, bank/teller]"),
    allows: [FRONT, TELLER],
    denies: [MOBILE, BARE],
  },
  {
    fields: "from[].source.notServiceAccounts",
    title: "is every other workload",
    rule: source("notServiceAccounts: [front]"),
    allows: [MOBILE, TELLER],
    denies: [FRONT],
  },
  {
    fields: "from[].source.trustDomains",
    title: "is the trust domain of the caller's identity",
    rule: source("trustDomains: [cluster.local]"),
    allows: [FRONT],
    denies: [BARE],
  },
  {
    fields: "from[].source.notTrustDomains",
    title: "is every other trust domain, and none",
    rule: source("notTrustDomains: [cluster.local]"),
    allows: [BARE],
    denies: [FRONT],
  },
  {
    fields: "from[].source.ipBlocks",
    title: "is the address of the connection",
    rule: source("ipBlocks: [127.9.0.0/16]"),
    allows: [{ ...BARE, localAddress: "127.9.0.7" }],
    denies: [BARE],
  },
  {
    fields: "from[].source.notIpBlocks",
    title: "is every other address",
    rule: source("notIpBlocks: [127.9.0.0/16]"),
    allows: [BARE],
    denies: [{ ...BARE, localAddress: "127.9.0.7" }],
  },
  {
    fields: "from[].source.remoteIpBlocks",
    title: "is the connection's address, too, where no proxy in front is trusted",
    rule: source("remoteIpBlocks: [127.9.0.0/16]"),
    allows: [{ ...BARE, localAddress: "127.9.0.7" }],
    denies: [{ ...BARE, headers: { "x-forwarded-for": "127.9.0.7" } }],
  },
  {
    fields: "from[].source.notRemoteIpBlocks",
    title: "is every other address",
    rule: source("notRemoteIpBlocks: [127.9.0.0/16]"),
    allows: [BARE],
    denies: [{ ...BARE, localAddress: "127.9.0.7" }],
  },
  {
    fields: "to[].operation.hosts",
    title: "is the Host, whatever its case",
    rule: operation("hosts: [vault.shop]"),
    allows: [{ ...BARE, host: "VAULT.shop" }],
    denies: [{ ...BARE, host: "other.shop" }],
  },
  {
    fields: "to[].operation.notHosts",
    title: "is every other Host",
    rule: operation('notHosts: ["*.evil"]'),
    allows: [{ ...BARE, host: "vault.shop" }],
    denies: [{ ...BARE, host: "a.evil" }],
  },
  {
    fields: "to[].operation.ports",
    title: "is the workload's own port",
    rule: operation('ports: ["HTTP_PORT"]'),
    allows: [FRONT],
    denies: [{ port: "admin" }],
  },
  {
    fields: "to[].operation.notPorts",
    title: "is every other port of the workload",
    rule: operation('notPorts: ["HTTP_PORT"]'),
    allows: [{ port: "admin" }],
    denies: [FRONT],
  },
  {
    fields: "to[].operation.methods",
    title: "is case-sensitive",
    rule: operation("methods: [POST]"),
    allows: [{ method: "POST" }],
    denies: [{ method: "GET" }],
  },
  {
    fields: "to[].operation.notMethods",
    title: "is every other method",
    rule: operation("notMethods: [POST]"),
    allows: [{ method: "GET" }],
    denies: [{ method: "POST" }],
  },
  {
    fields: "to[].operation.paths",
    title: "is exact, prefix*, *suffix, or a template with {*} and {**}, without the query",
    rule: operation('paths: ["/exact", "/pre*", "*.png", "/item/{*}/view", "/tree/{**}"]'),
    allows: paths("/exact?q=1", "/prefix/x", "/a/b.png", "/item/7/view", "/tree/a/b"),
    denies: paths("/exact/x", "/Pre", "/item/7/8/view", "/other"),
  },
  {
    fields: "to[].operation.paths",
    title: "is matched on the normalised path",
    rule: operation('paths: ["/public/*"]'),
    allows: paths("/public/a", "/x/../public/a"),
    denies: paths("/public/../admin"),
  },
  {
    fields: "to[].operation.notPaths",
    title: "is every other path",
    rule: operation('notPaths: ["/admin*"]'),
    allows: paths("/a"),
    denies: paths("/admin", "/admin/x"),
  },
  {
    fields: "when[].key when[].values",
    title: "request.headers[…] is a header's value",
    rule: when('key: "request.headers[x-role]", values: [ops, "adm*"]'),
    allows: [{ headers: { "x-role": "ops" } }, { headers: { "x-role": "admin" } }],
    denies: [{ headers: { "x-role": "dev" } }, FRONT],
  },
  {
    fields: "when[].notValues",
    title: "is any other value, or none",
    rule: when('key: "request.headers[x-role]", notValues: [guest]'),
    allows: [{ headers: { "x-role": "ops" } }, FRONT],
    denies: [{ headers: { "x-role": "guest" } }],
  },
  ...(
    [
      ["source.ip", "127.9.0.0/16", { ...BARE, localAddress: "127.9.0.7" }, BARE],
      ["remote.ip", "127.9.0.0/16", { ...BARE, localAddress: "127.9.0.7" }, BARE],
      ["source.namespace", "bank", TELLER, FRONT],
      ["source.principal", "cluster.local/ns/shop/sa/front", FRONT, MOBILE],
      ["source.serviceAccount", "shop/front", FRONT, MOBILE],
      ["source.trustDomain", "cluster.local", FRONT, BARE],
      ["destination.port", "HTTP_PORT", FRONT, { port: "admin" }],
      ["destination.ip", "127.0.0.1", FRONT, undefined],
    ] as const
  ).map(([key, value, allowed, denied]) => ({
    fields: "when[].key",
    title: `${key} is as in a source or an operation`,
    rule: when(`key: ${key}, values: ["${value}"]`),
    allows: [allowed],
    denies: denied === undefined ? [] : [denied],
  })),
  {
    fields: "from to when",
    title: "of a rule go together; the entries of from and to are alternatives",
    rule: `from: [{source: {namespaces: [bank]}}, {source: {serviceAccounts: [front]}}], to: [{operation: {methods: [GET], paths: ["/a"]}}, {operation: {methods: [POST]}}], when: [{key: "request.headers[x-a]", values: ["1"]}]`,
    allows: [
      { path: "/a", headers: { "x-a": "1" } },
      { from: "teller", method: "POST", headers: { "x-a": "1" } },
    ],
    denies: [
      { path: "/a" },
      { path: "/b", headers: { "x-a": "1" } },
      { from: "mobile", path: "/a", headers: { "x-a": "1" } },
    ],
  },
];

const alone = (fields: string, title: string, run: ConformanceCase["run"]) =>
  proof(KIND, fields, title, run, { isAlone: true });

export const authorizationCases: readonly ConformanceCase[] = [
  ...RULES.map(({ fields, title, rule, allows, denies }) =>
    alone(
      fields.replaceAll(/\S+/g, (field) => `rules[].${field}`),
      title,
      async (mesh) => {
        const filled = rule.replaceAll("HTTP_PORT", String(portOf(mesh, "http")));
        await mesh.applyOne(KIND, `${VAULT}, rules: [{${filled}}]`);
        for (const one of allows) assert.equal(await ask(mesh, one), 200, JSON.stringify(one));
        for (const one of denies) assert.equal(await ask(mesh, one), 403, JSON.stringify(one));
        await mesh.applyOne(KIND, `${VAULT}, action: DENY, rules: [{${filled}}]`);
        for (const one of allows)
          assert.equal(await ask(mesh, one), 403, `DENY ${JSON.stringify(one)}`);
        for (const one of denies)
          assert.equal(await ask(mesh, one), 200, `DENY ${JSON.stringify(one)}`);
      },
    ),
  ),
  alone("rules[].when[].key", "connection.sni is the name that TLS has asked for", async (mesh) => {
    const askFor = (sni: string) =>
      mesh.applyOne(
        "DestinationRule",
        `host: vault, trafficPolicy: {tls: {mode: ISTIO_MUTUAL, sni: ${sni}}}`,
      );
    await askFor("a.test");
    await mesh.applyOne(
      KIND,
      `${VAULT}, rules: [{${when('key: connection.sni, values: ["*.test"]')}}]`,
    );
    assert.equal(await ask(mesh, {}), 200);
    assert.equal(await ask(mesh, BARE), 403, "plaintext asks for no name");
    await askFor("a.example");
    assert.equal(await ask(mesh, {}), 403);
  }),
  alone(
    "rules[].when[].key",
    "connection.sni is what an app's own TLS asks for, where it is met as it is",
    async (mesh) => {
      const names = when("key: connection.sni, values: [a.secure.test]");
      await mesh.applyOne(KIND, `selector: {matchLabels: {app: secure}}, rules: [{${names}}]`);
      const greet = async (servername: string) => {
        const port = mesh.world.inboundPort("secure-v1");
        const { authorityPem: ca } = mesh.world.streams;
        const socket = tls.connect({ port, host: "127.0.0.1", servername, ca });
        mesh.after(() => void socket.destroy());
        socket.on("error", () => undefined); // told by its end
        return readUntil(socket, "\n").catch(() => "closed");
      };
      assert.equal(await greet("a.secure.test"), "secure-v1");
      assert.equal(await greet("b.secure.test"), "closed");
    },
  ),
  ...(
    [
      [
        "from[].source.requestPrincipals",
        source(`requestPrincipals: ["${ISSUER}/jo"]`),
        "jo",
        "al",
      ],
      ["from[].source.notRequestPrincipals", source('notRequestPrincipals: ["*/al"]'), "jo", "al"],
      ["when[].key", when(`key: request.auth.principal, values: ["${ISSUER}/j*"]`), "jo", "al"],
      ["when[].key", when("key: request.auth.audiences, values: [for-jo]"), "jo", "al"],
      ["when[].key", when("key: request.auth.presenter, values: [by-jo]"), "jo", "al"],
      ["when[].key", when('key: "request.auth.claims[realm][roles]", values: [jo]'), "jo", "al"],
    ] as const
  ).map(([fields, filled, allowed, denied]) =>
    alone(
      `rules[].${fields}`,
      `compares what a verified token says: ${filled.replace(/^\w+: \[\{/, "").replace(/\}\]$/, "")}`,
      async (mesh) => {
        const keys = `{issuer: "${ISSUER}", jwks: '${JWKS}'}`;
        await mesh.applyOne("RequestAuthentication", `${VAULT}, jwtRules: [${keys}]`);
        await mesh.applyOne(KIND, `${VAULT}, rules: [{${filled}}]`);
        const by = (sub: string) =>
          bearer({ sub, aud: `for-${sub}`, azp: `by-${sub}`, realm: { roles: [sub] } });
        assert.equal(await ask(mesh, { headers: by(allowed) }), 200);
        assert.equal(await ask(mesh, { headers: by(denied) }), 403);
        const isNegated = fields.includes(".not");
        assert.equal(await ask(mesh, {}), isNegated ? 200 : 403, "without a token");
      },
    ),
  ),
  alone("action", "DENY goes before ALLOW; AUDIT decides nothing", async (mesh) => {
    const get = "rules: [{to: [{operation: {methods: [GET]}}]}]";
    await mesh.applyOne(KIND, `${VAULT}, action: AUDIT, ${get}`);
    assert.equal(await ask(mesh, {}), 200);
    assert.equal(await ask(mesh, { method: "POST" }), 200);
    await mesh.applyOne(KIND, `${VAULT}, action: ALLOW, rules: [{}]`);
    assert.equal(await ask(mesh, {}), 200);
    await mesh.applyOne(KIND, `${VAULT}, action: DENY, ${get}`, { name: `${mesh.id}-deny` });
    assert.equal(await ask(mesh, {}), 403);
    assert.equal(await ask(mesh, { method: "POST" }), 200);
  }),
  alone("rules", "none allow nothing, and one empty rule allows everything", async (mesh) => {
    await mesh.applyOne(KIND, VAULT);
    assert.equal(await ask(mesh, {}), 403);
    const { headers, text } = await mesh.call({ host: "vault" });
    assert.match(headers["x-heddle-origin"] ?? "", /^inbound-proxy/);
    assert.match(text, /RBAC: access denied/);
    await mesh.applyOne(KIND, `${VAULT}, rules: [{}]`);
    assert.equal(await ask(mesh, {}), 200);
    assert.equal(await ask(mesh, BARE), 200);
  }),
  alone("rules", "refuses DENY without rules", (mesh) =>
    mesh.refused(KIND, `${VAULT}, action: DENY`, /rules/),
  ),
  alone("selector.matchLabels", "holds for workloads with these labels alone", async (mesh) => {
    await mesh.applyOne(KIND, "selector: {matchLabels: {app: vault}}");
    assert.equal(await ask(mesh, {}), 403);
    assert.equal((await mesh.call({ host: "ratings" })).status, 200);
    await mesh.applyOne(KIND, "selector: {matchLabels: {app: nobody}}");
    assert.equal(await ask(mesh, {}), 200);
  }),
  alone("selector", "left out holds for the whole namespace", async (mesh) => {
    await mesh.applyOne(KIND, "rules: [{to: [{operation: {paths: [/open]}}]}]");
    for (const host of ["vault", "ratings"]) {
      assert.equal((await mesh.call({ host, path: "/open" })).status, 200);
      assert.equal((await mesh.call({ host, path: "/closed" })).status, 403);
    }
  }),
  alone(
    "rules[].to",
    "of HTTP in a DENY rule denies all TCP; in an ALLOW rule it allows none",
    async (mesh) => {
      const echo = "selector: {matchLabels: {app: echo}}";
      const greeting = async () => {
        const { socket } = await mesh.connect("echo:9000");
        return readUntil(socket, "\n").catch(() => "closed");
      };
      const ports = "selector: {app: echo}, ports: [{name: tcp, port: 9000, appProtocol: tcp}]";
      await mesh.applyOne("Service", ports, { name: "echo" });
      assert.match(await greeting(), /^echo/);
      await mesh.applyOne(
        KIND,
        `${echo}, action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]`,
      );
      assert.equal(await greeting(), "closed");
      await mesh.applyOne(
        KIND,
        `${echo}, action: ALLOW, rules: [{to: [{operation: {methods: [POST]}}]}]`,
      );
      assert.equal(await greeting(), "closed");
      await mesh.applyOne(KIND, `${echo}, rules: [{from: [{source: {serviceAccounts: [front]}}]}]`);
      assert.match(await greeting(), /^echo/);
    },
  ),
];
