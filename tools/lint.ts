// All static checks but types. Why each: the format ends debates; oxlint finds mistakes with the types
// in hand; dependency-cruiser holds the floors of the house; knip finds what nobody uses any more.
import { runChecks } from "./run-checks.ts";

const passed = runChecks([
  { name: "format", command: ["biome", "check", "--linter-enabled=false", "."] },
  { name: "lint", command: ["oxlint", "--type-aware", "--deny-warnings"] },
  {
    name: "layers",
    command: [
      "depcruise",
      "--config",
      ".dependency-cruiser.cjs",
      "packages",
      "apps",
      "examples",
      "conformance",
      "soak",
    ],
  },
  { name: "dead exports and dependencies", command: ["knip"] },
]);
process.exit(passed ? 0 : 1);
