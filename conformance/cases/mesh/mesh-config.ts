import assert from "node:assert/strict";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const ROOT = { namespace: "istio-system" };
const alone = (fields: string, title: string, run: ConformanceCase["run"]) =>
  proof("MeshConfig", fields, title, run, { isAlone: true });

export const meshConfigCases: readonly ConformanceCase[] = [
  alone(
    "outboundTrafficPolicy.mode",
    "REGISTRY_ONLY refuses hosts that nobody has named; ALLOW_ANY, the default, passes them on",
    async (mesh) => {
      const app = await mesh.app("outside");
      const ask = () => mesh.call({ host: `127.0.0.1:${app.port}` });
      assert.equal((await ask()).app, "outside");
      await mesh.applyOne("MeshConfig", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}", ROOT);
      assert.equal((await ask()).status, 502);
      const { status } = await mesh.connect(`127.0.0.1:${app.port}`);
      assert.equal(status, "502");
      await mesh.applyOne("MeshConfig", "outboundTrafficPolicy: {mode: ALLOW_ANY}", ROOT);
      assert.equal((await ask()).app, "outside");
    },
  ),
  alone(
    "pathNormalization.normalization",
    "is the form of the path that is matched and that the app gets",
    async (mesh) => {
      const forms: Record<string, readonly [asked: string, reached: string]> = {
        NONE: ["/a//b/../c", "/a//b/../c"],
        BASE: ["/a//b/../c\\d", "/a//c/d"],
        MERGE_SLASHES: ["/a//b/../c", "/a/c"],
        DECODE_AND_MERGE_SLASHES: ["/a/%2fb/../c", "/a/c"],
      };
      await mesh.routes("ROUTE");
      for (const [normalization, [asked, reached]] of Object.entries(forms)) {
        await mesh.applyOne(
          "MeshConfig",
          `pathNormalization: {normalization: ${normalization}}`,
          ROOT,
        );
        assert.equal((await mesh.call(asked)).seen.url, reached, normalization);
      }
    },
  ),
  alone(
    "trustDomain",
    "is set when the control plane starts; another value is warned of and changes nothing",
    async (mesh) => {
      await mesh.applyOne("MeshConfig", "trustDomain: other.test", ROOT);
      assert.match(mesh.warnings.join("\n"), /trustDomain/);
      const { headers } = (await mesh.call({ host: "vault" })).seen;
      assert.match(headers["x-forwarded-client-cert"] ?? "", /spiffe:\/\/cluster\.local\//);
    },
  ),
  alone("rootNamespace", "is the namespace whose rules hold for all", async (mesh) => {
    const deny = (namespace: string) =>
      mesh.document(
        "AuthorizationPolicy",
        "action: DENY, rules: [{to: [{operation: {paths: [/NAME]}}]}]",
        {
          namespace,
        },
      );
    await mesh.apply(deny("elsewhere"));
    assert.equal((await mesh.call(`/${mesh.id}`)).status, 200);
    await mesh.applyOne("MeshConfig", "rootNamespace: elsewhere", ROOT);
    assert.equal((await mesh.call(`/${mesh.id}`)).status, 403);
  }),
  alone(
    "numTrustedProxies",
    "says how many entries of x-forwarded-for are believed, from the right",
    async (mesh) => {
      await mesh.applyOne(
        "AuthorizationPolicy",
        "selector: {matchLabels: {app: ratings}}, rules: [{from: [{source: {remoteIpBlocks: [10.1.0.0/16]}}]}]",
      );
      const ask = async () =>
        (await mesh.call({ host: "ratings", headers: { "x-forwarded-for": "10.1.2.3" } })).status;
      assert.equal(await ask(), 403);
      await mesh.applyOne("MeshConfig", "numTrustedProxies: 1", ROOT);
      assert.equal(await ask(), 200);
    },
  ),
];
