import { createLogger, onShutdown, runMain } from "@heddle/runtime";
import { loadConfig } from "./config.ts";
import { startControlPlane } from "./control-plane.ts";

const SHUTDOWN_DEADLINE_MS = 4000; // `heddle up` promises to be down within 5 s

runMain(async () => {
  const config = loadConfig(process.env);
  const logger = createLogger("control-plane", config.logLevel);
  const starting = startControlPlane(config, logger);
  onShutdown(logger, SHUTDOWN_DEADLINE_MS, async () => {
    const running = await Promise.race([starting, stillStarting()]);
    await running?.close();
  });
  const { controlPort, adminPort } = await starting;
  process.send?.({ type: "ready", controlPort, adminPort });
});

/** A start that waits for its database has nothing to put away. */
async function stillStarting(): Promise<undefined> {
  await new Promise((resolve) => setImmediate(resolve));
  return undefined;
}
