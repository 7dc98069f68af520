import type { KnipConfig } from "knip";

const config: KnipConfig = {
  workspaces: {
    ".": {
      entry: [
        "tools/*.ts",
        "bench/*.ts",
        "bench/{proxy,control}/programs/*.ts",
        "scripts/*.mjs",
        "e2e/*.ts",
        "conformance/{*.test,filters/*}.ts",
        "soak/*.test.ts",
      ],
      project: [
        "tools/**/*.ts",
        "bench/**/*.ts",
        "scripts/**/*.mjs",
        "e2e/**/*.ts",
        "conformance/**/*.ts",
        "soak/**/*.ts",
      ],
      ignoreDependencies: [
        "oxlint-tsgolint", // oxlint runs it for its type-aware rules
        "@typescript/native", // the `tsc` binary
        "oxlint", // tools/lint.ts runs its binary by name
        // simulated proxies speak the control stream by the very packages apps/proxy and apps/control-plane do
        "ws",
        "@peculiar/x509",
        "reflect-metadata",
      ],
      ignoreBinaries: ["apt-get"], // scripts/test.mjs installs a browser by it where there is one
    },
    "packages/*": { entry: ["src/**/*.test.ts", "test/**/*.test.ts"] },
    "packages/store": {
      entry: ["test/**/*.test.ts"],
      ignoreBinaries: ["useradd"], // makes a user for PostgreSQL where there is none; the system's own
      ignoreDependencies: ["@prisma/client"], // the generated client imports it
    },
    "packages/testkit": { entry: ["src/apps/*.ts"] }, // programs that tests start
    "apps/proxy": {
      entry: ["src/main.ts", "stripped-sources.mjs", "src/**/*.test.ts", "test/**/*.test.ts"],
    },
    "apps/*": { entry: ["src/main.ts", "src/**/*.test.ts", "test/**/*.test.ts"] },
    "apps/cli": { entry: ["src/main.ts", "src/**/*.test.ts", "test/**/*.test.ts"] },
    "apps/web": { entry: ["{lib,features,ui,test}/**/*.test.ts"] },
    "examples/*": { entry: ["src/*.ts"] },
    "examples/filters": { entry: ["*.ts"] }, // proxies load them by name
  },
  ignoreExportsUsedInFile: true,
};

export default config;
