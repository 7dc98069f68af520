import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import { StatusResponse, TokenCreateResponse } from "@heddle/contracts";
import { HeddleError } from "@heddle/runtime";
import { ApiClient } from "../api/api-client.ts";
import { findCredentials, findHome } from "../api/credentials.ts";
import type { ApiConfig } from "../config.ts";
import type { EventLines } from "../print/event-lines.ts";
import { takeLock } from "../process-lock.ts";
import { healthCheckOf } from "./health-options.ts";
import { type ProxyFilePort, ProxyProcess, type ProxySettings } from "./proxy-process.ts";
import { clearForOtherMesh } from "./proxy-state.ts";
import { appEnvironment, checkNames, type RunOptions, workloadOf } from "./run-options.ts";

const MAX_INSTANCES = 100;
const DEFAULT_DRAIN_MS = 10_000;
/** As shells say it. */
const EXIT_NOT_FOUND = 127;
const EXIT_NOT_STARTED = 126;
const FORWARDED: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"];

/**
 * Runs a command in the mesh: proxy first, then the command; its exit ends the proxy after a drain.
 * Resolves with the exit code to pass on.
 */
export async function runInMesh(
  options: RunOptions,
  command: readonly string[],
  config: ApiConfig,
  events: EventLines,
): Promise<number> {
  checkNames(options);
  healthCheckOf(options); // refused before anything starts
  const instance = takeInstance(options, resolve(findHome(config) ?? ".heddle"));
  const drainMs = Number(config.HEDDLE_DRAIN_TIMEOUT_MS ?? DEFAULT_DRAIN_MS) + 1000;
  const signals = new SignalRelay();
  let proxy: ProxyProcess | undefined;
  try {
    const { settings, joinToken } = await prepareProxy(options, config, instance);
    proxy = new ProxyProcess(settings, (change) => {
      events.say(change, `heddle: ${change.process} ${change.words}\n`);
    });
    signals.onEarly(() => void proxy?.stop(drainMs));
    const ready = await proxy.start(joinToken);
    const ports = ready.workloads[0];
    if (ports === undefined) throw new HeddleError("HEDDLE_PROXY", "the proxy hosts no workload");
    events.say(
      { event: "ready", ...ports, adminPort: ready.adminPort },
      `heddle: ${options.namespace}/${workloadOf(options)} is in the mesh: inbound ${ports.inboundPort}, outbound ${ports.outboundPort}\n`,
    );
    if (signals.early !== undefined) return exitCodeOf(null, signals.early);
    const env = appEnvironment(process.env, ports.outboundPort, options.port?.[0]?.port);
    const code = await runCommand(command, env, signals, events);
    events.say({ event: "exit", code }, "");
    return code;
  } catch (error) {
    if (signals.early !== undefined) return exitCodeOf(null, signals.early);
    throw error;
  } finally {
    await proxy?.stop(drainMs);
    instance.release();
    signals.end();
  }
}

type Instance = { readonly dataDir: string; readonly logFile: string; release(): void };

/** A data folder for this instance: the same at each start, another for each that runs at the same time. */
function takeInstance(options: RunOptions, homeDir: string): Instance {
  const base = `run-${options.namespace}-${workloadOf(options)}`;
  mkdirSync(join(homeDir, "logs"), { recursive: true, mode: 0o700 });
  for (let n = 1; n <= MAX_INSTANCES; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    const dataDir = join(homeDir, "proxies", name);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const lock = takeLock(join(dataDir, "run.lock"));
    if (!lock.isTaken) continue;
    const logFile = join(homeDir, "logs", `proxy-${name}.log`);
    return { dataDir, logFile, release: () => lock.release() };
  }
  throw new HeddleError("HEDDLE_RUN", `${MAX_INSTANCES} instances of ${base} run here already`);
}

async function prepareProxy(
  options: RunOptions,
  config: ApiConfig,
  { dataDir, logFile }: Instance,
): Promise<{ settings: ProxySettings; joinToken: string }> {
  const credentials = await findCredentials(config);
  const api = new ApiClient(credentials);
  const { controlAddress, controlAddresses = [controlAddress] } = await api.ask(
    StatusResponse,
    "/status",
  );
  const workload = workloadOf(options);
  const { token } = await api.ask(TokenCreateResponse, "/tokens", {
    method: "POST",
    body: { namespace: options.namespace, workload, maxUses: 1, ttlSeconds: 600 },
  });
  clearForOtherMesh(dataDir, token);
  const { service, version, namespace, outbound } = options;
  const ports = portsOf(options);
  const healthCheck = healthCheckOf(options);
  const settings = {
    file: {
      name: workload,
      adminPort: 0,
      workloads: [
        {
          namespace,
          service,
          workload,
          ...(version === undefined ? {} : { version }),
          ...(ports === undefined ? {} : { ports }),
          outboundPort: 0,
          outbounds: outbound,
          ...(healthCheck === undefined ? {} : { healthCheck }),
        },
      ],
    },
    dataDir,
    logFile,
    controlPlane: config.HEDDLE_CONTROL_PLANE ?? controlAddresses.join(),
    otlpEndpoint:
      config.OTEL_EXPORTER_OTLP_ENDPOINT ?? credentials.otlpEndpoint ?? "http://127.0.0.1:4318",
    env: passedOn(config),
  };
  return { settings, joinToken: token };
}

function portsOf({ port, protocol }: RunOptions): ProxyFilePort[] | undefined {
  return port?.map((each) => ({
    port: each.port,
    protocol: each.protocol ?? protocol ?? "auto",
    inboundPort: 0,
  }));
}

function passedOn(config: ApiConfig): Record<string, string> {
  const names = [
    "HEDDLE_TRACE_SAMPLING",
    "HEDDLE_HTTP_MAX_LINE_BYTES",
    "HEDDLE_HTTP_MAX_HEADER_BYTES",
    "HEDDLE_HTTP_MAX_HEADERS",
    "HEDDLE_MUX_CONNECTIONS",
    "HEDDLE_MAX_REQUESTS",
    "HEDDLE_MAX_CONNECTIONS",
    "HEDDLE_MAX_LAG_MS",
    "HEDDLE_METRICS_IDLE_MS",
    "HEDDLE_ACCESS_LOG",
    "HEDDLE_ACCESS_LOG_FILE",
    "HEDDLE_FILTERS_DIR",
    "HEDDLE_LOG_LEVEL",
    "HEDDLE_BIND_ADDRESS",
    "HEDDLE_DRAIN_TIMEOUT_MS",
  ] as const;
  return Object.fromEntries(
    names.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]])),
  );
}

function runCommand(
  [file = "", ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  signals: SignalRelay,
  events: EventLines,
): Promise<number> {
  return new Promise((resolve) => {
    const app = spawn(file, args, { env, stdio: "inherit" });
    signals.relayTo(app);
    app.once("error", (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === "ENOENT";
      // A folder of PATH that we may not read hides whether it is there.
      const isForbidden = error.code === "EACCES";
      const known = isForbidden ? "no permission to run it, or no such command" : error.message;
      const message = `cannot start ${file}: ${isMissing ? "there is no such command" : known}`;
      events.say({ event: "error", code: "HEDDLE_RUN", message }, `heddle: ${message}\n`);
      resolve(isMissing ? EXIT_NOT_FOUND : EXIT_NOT_STARTED);
    });
    app.once("exit", (code, signal) => resolve(exitCodeOf(code, signal)));
  });
}

/** Passes signals on to the command; remembers one that came before it was there. */
class SignalRelay {
  #app: ChildProcess | undefined;
  #onEarly: (() => void) | undefined;
  early: NodeJS.Signals | undefined;

  constructor() {
    for (const signal of FORWARDED) process.on(signal, this.#relay);
    process.on("SIGINT", this.#relay);
  }

  onEarly(act: () => void): void {
    this.#onEarly = act;
  }

  relayTo(app: ChildProcess): void {
    this.#app = app;
  }

  end(): void {
    for (const signal of FORWARDED) process.off(signal, this.#relay);
    process.off("SIGINT", this.#relay);
  }

  readonly #relay = (signal: NodeJS.Signals): void => {
    if (this.#app === undefined) {
      this.early = signal;
      this.#onEarly?.();
      return;
    }
    // Ctrl-C on a terminal has reached the command already: it is of our process group.
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    this.#app.kill(signal);
  };
}

/** As shells do: 128 + the signal's number for a command that a signal ended. */
function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
