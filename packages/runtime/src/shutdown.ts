import { flushCompileCache } from "node:module";
import type { Logger } from "./logger.ts";

/**
 * Runs `stop` once on SIGINT or SIGTERM (or when the parent that holds the IPC channel is gone), then
 * exits 0; exits 1 if it throws or takes longer than `deadlineMs`.
 */
export function onShutdown(logger: Logger, deadlineMs: number, stop: () => Promise<void>): void {
  let isStopping = false;
  const run = (reason: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ reason }, "stopping");
    setTimeout(() => process.exit(1), deadlineMs).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, "stopping failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", () => run("SIGINT"));
  process.on("SIGTERM", () => run("SIGTERM"));
  process.on("disconnect", () => run("parent gone"));
}

/**
 * Runs a process's `main`; a failure ends it with one sentence on stderr and exit code 1. Once it serves, what was
 * compiled is kept for the next start (where NODE_COMPILE_CACHE says so), even if the end should be a SIGKILL.
 */
export function runMain(main: () => Promise<void>): void {
  main().then(flushCompileCache, (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && "code" in error ? ` [${String(error.code)}]` : "";
    process.stderr.write(`${message}${code}\n`);
    process.exit(1);
  });
}
