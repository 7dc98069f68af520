import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { waitFor } from "@heddle/testkit";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export type ReadyMessage = {
  readonly type: "ready";
  readonly adminPort: number;
  readonly workloads: readonly {
    readonly namespace: string;
    readonly workload: string;
    readonly inboundPort: number;
    readonly outboundPort: number;
    readonly outbounds: readonly { readonly host: string; readonly localPort: number }[];
  }[];
};

/** A whole proxy process; gone with the test. */
export type ProxyProcess = {
  readonly child: ChildProcess;
  /** What it wrote to stderr so far. */
  log(): string;
  ready(): Promise<ReadyMessage>;
  /** Resolves with the exit code. */
  exited(): Promise<number | null>;
  admin(path: string): Promise<Response>;
};

/** A folder that is gone with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "heddle-proxy-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

export function startProxyProcess(
  t: TestContext,
  options: {
    readonly dataDir: string;
    readonly config: unknown;
    readonly env: Readonly<Record<string, string>>;
  },
): ProxyProcess {
  const configFile = join(options.dataDir, "config.json");
  writeFileSync(configFile, JSON.stringify(options.config));
  const child = spawn(process.execPath, [main, "--config", configFile], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: {
      PATH: process.env["PATH"],
      HEDDLE_DATA_DIR: join(options.dataDir, "data"),
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
      HEDDLE_DRAIN_TIMEOUT_MS: "1000",
      ...options.env,
    },
  });
  let log = "";
  let ready: ReadyMessage | undefined;
  child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  child.on("message", (message) => (ready = message as ReadyMessage));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return {
    child,
    log: () => log,
    ready: () => waitFor(`the proxy is ready; its log:\n${log}`, 15_000, () => ready),
    exited: () => exited,
    admin: (path) => fetch(`http://127.0.0.1:${ready?.adminPort}${path}`),
  };
}
