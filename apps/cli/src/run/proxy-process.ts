import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ProcessChange } from "../print/event-lines.ts";
import { writePrivateFile } from "../up/home.ts";
import { type ProcessSpec, SupervisedProcess } from "../up/supervised-process.ts";
import type { HealthCheck } from "./health-options.ts";
import { MEMORY_ENV, proxyArgs } from "./proxy-command.ts";
import { joinTokenFile } from "./proxy-state.ts";
import type { Protocol } from "./run-options.ts";

/** A proxy's configuration file (docs/architecture.md, "Proxy configuration file"). */
export type ProxyFile = {
  readonly name: string;
  readonly workloads: readonly ProxyFileWorkload[];
  readonly adminPort: number;
};
export type ProxyFileWorkload = {
  readonly namespace: string;
  readonly service: string;
  readonly version?: string;
  readonly workload?: string;
  readonly address?: string;
  readonly appPort?: number;
  readonly protocol?: ProxyFilePort["protocol"];
  /** Of `appPort`. */
  readonly inboundPort?: number;
  /** Instead of the three above. */
  readonly ports?: readonly ProxyFilePort[];
  readonly outboundPort: number;
  readonly outbounds: readonly { readonly host: string; readonly localPort: number }[];
  readonly healthCheck?: HealthCheck;
};

export type ProxyFilePort = {
  readonly port: number;
  readonly protocol: Protocol | "auto";
  readonly inboundPort: number;
};

/** What a proxy says over IPC once it can serve. */
export const ReadyMessage = z.object({
  type: z.literal("ready"),
  adminPort: z.number().int(),
  workloads: z.array(
    z.object({
      namespace: z.string(),
      workload: z.string(),
      inboundPort: z.number().int(),
      ports: z.array(z.object({ port: z.number().int(), inboundPort: z.number().int() })),
      outboundPort: z.number().int(),
      outbounds: z.array(z.object({ host: z.string(), localPort: z.number().int() })),
    }),
  ),
});
export type ProxyReady = z.infer<typeof ReadyMessage>;

export type ProxySettings = {
  readonly file: ProxyFile;
  /** Its keys, its last good configuration, and the files below; 0700. */
  readonly dataDir: string;
  readonly logFile: string;
  /** `host:port`, or several separated by commas */
  readonly controlPlane: string;
  readonly otlpEndpoint: string;
  readonly env: Readonly<Record<string, string>>;
};

/** A supervised proxy that keeps its ports over restarts, so that its apps need not know of them. */
export class ProxyProcess {
  readonly #settings: ProxySettings;
  readonly #configFile: string;
  readonly #process: SupervisedProcess;
  #ready: ProxyReady | undefined;

  constructor(settings: ProxySettings, onChange: (change: ProcessChange) => void) {
    const { dataDir, file, env } = settings;
    this.#settings = settings;
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    this.#configFile = join(dataDir, "proxy.json");
    const spec: ProcessSpec = {
      name: `proxy ${file.name}`,
      args: proxyArgs(this.#configFile),
      env: {
        ...MEMORY_ENV,
        HEDDLE_CONTROL_PLANE: settings.controlPlane,
        HEDDLE_JOIN_TOKEN_FILE: joinTokenFile(dataDir),
        HEDDLE_DATA_DIR: dataDir,
        OTEL_EXPORTER_OTLP_ENDPOINT: settings.otlpEndpoint,
        ...env,
      },
      logFile: settings.logFile,
      isReady: (child) => this.#isReady(child),
    };
    this.#process = new SupervisedProcess(spec, onChange);
  }

  get supervised(): SupervisedProcess {
    return this.#process;
  }

  /** Resolves with its real ports when it can serve. `joinToken` is used if it has not joined yet. */
  async start(joinToken: string): Promise<ProxyReady> {
    writePrivateFile(joinTokenFile(this.#settings.dataDir), joinToken);
    this.#writeConfig(this.#settings.file);
    await this.#process.start();
    if (this.#ready === undefined) throw new Error("a proxy is ready only once it has said so");
    this.#writeConfig(withPorts(this.#settings.file, this.#ready));
    return this.#ready;
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#process.stop(deadlineMs);
  }

  #writeConfig(file: ProxyFile): void {
    writePrivateFile(this.#configFile, `${JSON.stringify(file, null, 2)}\n`);
  }

  readonly #listening = new WeakSet<ChildProcess>();
  readonly #readyChildren = new WeakSet<ChildProcess>();

  #isReady(child: ChildProcess): Promise<boolean> {
    if (!this.#listening.has(child)) {
      this.#listening.add(child);
      child.on("message", (message) => {
        const parsed = ReadyMessage.safeParse(message);
        if (!parsed.success) return;
        this.#ready = parsed.data;
        this.#readyChildren.add(child);
      });
    }
    return Promise.resolve(this.#readyChildren.has(child));
  }
}

/** The same configuration with the ports the proxy has chosen. */
export function withPorts(file: ProxyFile, ready: ProxyReady): ProxyFile {
  return {
    ...file,
    adminPort: ready.adminPort,
    workloads: file.workloads.map((workload, index) => {
      const chosen = ready.workloads[index];
      if (chosen === undefined) return workload;
      const { inboundPort, outboundPort, outbounds } = chosen;
      if (workload.ports === undefined)
        return { ...workload, inboundPort, outboundPort, outbounds };
      const ports = workload.ports.map((port) => ({
        ...port,
        inboundPort:
          chosen.ports.find((one) => one.port === port.port)?.inboundPort ?? port.inboundPort,
      }));
      return { ...workload, ports, outboundPort, outbounds };
    }),
  };
}
