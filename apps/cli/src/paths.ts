import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Where the parts of the house are. */
export const paths = {
  root,
  migrations: join(root, "prisma/migrations"),
  web: join(root, "apps/web"),
  next: join(root, "node_modules/next/dist/bin/next"),
  buildConsole: join(root, "scripts/build-console.mjs"),
  shop: join(root, "examples/shop"),
  dieWithParent: fileURLToPath(new URL("./up/die-with-parent.ts", import.meta.url)),
  /** Compiled sources, kept between starts: a warm process starts in a third of the time and 20 MiB smaller. */
  compileCache: join(root, "node_modules/.cache/heddle-compile"),
  /** What a proxy loads its sources through. */
  strippedSources: join(root, "apps/proxy/stripped-sources.mjs"),
  entry: (app: "control-plane" | "collector" | "proxy") => join(root, `apps/${app}/src/main.ts`),
};
