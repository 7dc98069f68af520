// The floors of the house (CONTRIBUTING.md): a package imports only from lower floors, through doors.
const pure = "^packages/(mesh|http1|filter-api)/";
const domain = "^packages/(resources|contracts|graph-layout)/";
const node = "^packages/(runtime|store)/";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "floor-0-knows-nothing",
      comment:
        "mesh and http1 are pure: no package, no Node module, of npm only pure functions (decision 54)",
      severity: "error",
      from: { path: `${pure}src/`, pathNot: "\\.test\\.ts$" },
      to: { pathNot: [pure, "node_modules/(re2js|ipaddr\\.js)/"] },
    },
    {
      name: "mesh-and-http1-are-strangers",
      severity: "error",
      from: { path: "^packages/(mesh|http1)/", pathNot: "\\.test\\.ts$" },
      to: { path: "^packages/(mesh|http1)/", pathNot: "^packages/$1/" },
    },
    {
      name: "floor-1-sees-only-mesh",
      severity: "error",
      from: { path: `${domain}src/`, pathNot: "\\.test\\.ts$" },
      to: {
        path: "^(packages|apps)/",
        pathNot: ["^packages/mesh/", "^packages/$1/"],
      },
    },
    {
      name: "documents-know-no-analysis",
      comment: "analysis reads documents; reading them needs no analysis (decision 122)",
      severity: "error",
      from: {
        path: "^packages/resources/src/",
        pathNot: ["^packages/resources/src/analysis/", "^packages/resources/src/index\\.ts$"],
      },
      to: { path: "^packages/resources/src/analysis/" },
    },
    {
      name: "floor-2-sees-lower-floors",
      severity: "error",
      from: { path: `${node}src/`, pathNot: "\\.test\\.ts$" },
      to: { path: ["^apps/", "^packages/(testkit|store|runtime)/"], pathNot: "^packages/$1/" },
    },
    {
      name: "no-app-imports-an-app",
      comment: "apps meet in contracts, over sockets",
      severity: "error",
      from: { path: "^apps/([^/]+)/", pathNot: "\\.test\\.ts$" },
      to: { path: "^apps/", pathNot: "^apps/$1/" },
    },
    {
      name: "proxy-knows-no-store",
      severity: "error",
      from: { path: "^apps/proxy/", pathNot: "\\.test\\.ts$" },
      to: { path: "^packages/(store|resources)/" },
    },
    {
      name: "web-reaches-data-over-http",
      severity: "error",
      from: { path: "^apps/web/" },
      to: { path: "^packages/(store|runtime|resources|http1|testkit)/" },
    },
    {
      name: "inbound-and-outbound-never-meet",
      severity: "error",
      from: { path: "^apps/proxy/src/inbound/" },
      to: { path: "^apps/proxy/src/outbound/" },
    },
    {
      name: "outbound-and-inbound-never-meet",
      severity: "error",
      from: { path: "^apps/proxy/src/outbound/" },
      to: { path: "^apps/proxy/src/inbound/" },
    },
    {
      name: "testkit-is-for-tests",
      severity: "error",
      from: {
        path: "^(apps|packages)/[^/]+/(src|app|features|lib|ui)/",
        pathNot: ["\\.test\\.ts$", "^packages/testkit/"],
      },
      to: { path: "^packages/testkit/" },
    },
    {
      name: "conformance-knows-the-product-from-outside",
      comment: "it knows YAML, HTTP and sockets, so that it proves what users meet",
      severity: "error",
      from: { path: "^conformance/" },
      to: { path: "^(apps|packages)/", pathNot: "^packages/(testkit|filter-api)/" },
    },
    {
      name: "doors-only",
      comment: "each package has one door, src/index.ts; contracts has a second one for proxies",
      severity: "error",
      from: { path: "^(packages|apps)/([^/]+)/" },
      to: {
        path: "^packages/([^/]+)/src/",
        pathNot: [
          "^packages/[^/]+/src/index\\.ts$",
          "^packages/contracts/src/control-stream/index\\.ts$",
          "^packages/$2/",
        ],
      },
    },
    {
      name: "proxies-take-http-by-their-own-door",
      comment: "http brings undici, http2 a MiB, into sidecars that use neither (decision 149)",
      severity: "error",
      from: { path: "^apps/proxy/src/", pathNot: "\\.test\\.ts$" },
      to: { path: "^(node:)?http2?$", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "proxies-come-in-by-the-control-stream",
      comment:
        "what the console and the collector say would be 3 MiB in every sidecar (decision 149)",
      severity: "error",
      from: { path: "^apps/proxy/src/", pathNot: "\\.test\\.ts$" },
      to: { path: "^packages/contracts/src/index\\.ts$" },
    },
    {
      name: "mesh-folders-are-ordered",
      comment:
        "identity ← routing ← balancing ← resilience; signals ← topology ← rollout; the right imports the left",
      severity: "error",
      from: { path: "^packages/mesh/src/identity/" },
      to: {
        path: "^packages/mesh/src/(routing|balancing|resilience|signals|topology|rollout|analysis)/",
      },
    },
    {
      name: "mesh-routing-below-balancing",
      severity: "error",
      from: { path: "^packages/mesh/src/routing/", pathNot: "\\.test\\.ts$" },
      to: { path: "^packages/mesh/src/(balancing|resilience|signals|topology|rollout|analysis)/" },
    },
    {
      name: "mesh-signals-below-topology",
      severity: "error",
      from: { path: "^packages/mesh/src/signals/", pathNot: "\\.test\\.ts$" },
      to: { path: "^packages/mesh/src/(routing|balancing|resilience|topology|rollout|analysis)/" },
    },
  ],
  options: {
    doNotFollow: { path: ["node_modules", "packages/store/src/generated"] },
    exclude: { path: ["packages/store/src/generated", "\\.next/"] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default"],
    },
  },
};
