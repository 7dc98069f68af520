import { createLogger, onShutdown, runMain } from "@heddle/runtime";
import { startCollector } from "./collector.ts";
import { loadConfig } from "./config.ts";

const SHUTDOWN_DEADLINE_MS = 4000;

runMain(async () => {
  const config = loadConfig(process.env);
  const collector = await startCollector(config);
  onShutdown(createLogger("collector", config.logLevel), SHUTDOWN_DEADLINE_MS, () =>
    collector.stop(),
  );
});
