// Types of everything that Node runs, then of the console, which Next compiles with its own settings.
import { runChecks } from "./run-checks.ts";

const passed = runChecks([
  { name: "types: packages, apps, tests", command: ["tsc", "-p", "tsconfig.json"] },
  { name: "types: console", command: ["tsc", "-p", "apps/web/tsconfig.json"] },
]);
process.exit(passed ? 0 : 1);
