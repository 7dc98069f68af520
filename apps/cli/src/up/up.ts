import { rmSync } from "node:fs";
import { HeddleError } from "@heddle/runtime";
import { describeDatabase, findEmbeddedPostgresPid, migrate, requireDatabase } from "@heddle/store";
import { ApiClient } from "../api/api-client.ts";
import { makeCliToken, makeLoginLink } from "../api/credentials.ts";
import type { UpConfig } from "../config.ts";
import { paths } from "../paths.ts";
import type { EventLines, ProcessChange } from "../print/event-lines.ts";
import { buildConsole } from "./console-build.ts";
import { type ControlPlanePorts, chooseControlPlanePorts } from "./control-plane-ports.ts";
import { type Home, openHome, writePrivateFile } from "./home.ts";
import { lockHome } from "./home-lock.ts";
import { endLeftovers, recordProcesses } from "./leftovers.ts";
import { meshProcesses } from "./mesh-processes.ts";
import { requireFreePorts } from "./ports.ts";
import { boundLog } from "./process-log.ts";
import { Progress } from "./progress.ts";
import { Shop } from "./shop.ts";
import { SupervisedDatabase } from "./supervised-database.ts";
import { SupervisedProcess } from "./supervised-process.ts";

/** Ctrl-C to the last process gone: 5 s at most, divided here. */
const STOP_MS = { apps: 500, proxies: 1500, mesh: 1500 };
const LOG_CHECK_INTERVAL_MS = 60_000;

export type UpOptions = {
  readonly demo: boolean;
  /** How many control planes, 1 to 5. */
  readonly controlPlanes: number;
  /** Steps an earlier script has already counted; see scripts/start.mjs. */
  readonly firstStep: number;
};

/** Stopped by a signal while it was still starting. */
export class InterruptedError extends HeddleError {
  override readonly name = "InterruptedError";
  constructor() {
    super("HEDDLE_INTERRUPTED", "interrupted");
  }
}

/** A whole mesh on one machine, with everything it needs, as one thing to start and stop. */
export class Up {
  readonly #config: UpConfig;
  readonly #options: UpOptions;
  readonly #events: EventLines;
  readonly #aborted = new AbortController();
  #home: Home | undefined;
  #unlock: (() => void) | undefined;
  #database: SupervisedDatabase | undefined;
  #controlPlanes: readonly ControlPlanePorts[] = [];
  #mesh: SupervisedProcess[] = [];
  #shop: Shop | undefined;
  #starting: Promise<void> | undefined;
  #logCheck: NodeJS.Timeout | undefined;

  constructor(config: UpConfig, options: UpOptions, events: EventLines) {
    this.#config = config;
    this.#options = options;
    this.#events = events;
  }

  /** Resolves when everything serves; what was started before a failure is stopped again. */
  async start(): Promise<void> {
    this.#starting = this.#startAll();
    try {
      await this.#starting;
    } catch (error) {
      await this.#stopAll();
      throw this.#aborted.signal.aborted ? new InterruptedError() : error;
    }
  }

  /** Stops everything, from the load down to the database. */
  async stop(): Promise<void> {
    this.#aborted.abort();
    if (this.#starting !== undefined) await this.#stopAll();
  }

  async #startAll(): Promise<void> {
    const config = this.#config;
    const home = openHome(config.homeDir);
    this.#home = home;
    this.#unlock = lockHome(home);
    await endLeftovers(home);
    const ownDatabase = findEmbeddedPostgresPid(home.path("postgres"));
    await requireFreePorts(
      config.ports,
      (pid, name) => name === "database" && pid === ownDatabase,
      config.databaseUrl === undefined ? [] : ["database"],
    );
    const { demo, firstStep, controlPlanes } = this.#options;
    this.#controlPlanes = await chooseControlPlanePorts(config.ports, controlPlanes);
    const progress = new Progress(this.#events, firstStep, firstStep + (demo ? 3 : 2));
    const step = async (title: string, work: () => Promise<string | undefined>) => {
      this.#aborted.signal.throwIfAborted();
      await progress.step(title, work);
    };
    let databaseUrl = "";
    await step("console", () => buildConsole(this.#aborted.signal));
    await step("database", async () => {
      const opened = await this.#openDatabase(home);
      databaseUrl = opened.url;
      return opened.note;
    });
    const planes = controlPlanes === 1 ? "control plane" : `${controlPlanes} control planes`;
    await step(`${planes}, collector, console`, () => this.#startMesh(home, databaseUrl));
    if (demo) await step("demo shop", () => this.#startShop(home));
    await this.#writeCredentials(home);
    this.#logCheck = setInterval(() => this.#boundLogs(), LOG_CHECK_INTERVAL_MS);
    this.#logCheck.unref();
    await this.#announce(home);
  }

  async #openDatabase(home: Home): Promise<{ url: string; note: string }> {
    const { databaseUrl, ports } = this.#config;
    const opened =
      databaseUrl === undefined ? await this.#startDatabase(home, ports.database) : undefined;
    const url = opened?.url ?? databaseUrl ?? "";
    if (databaseUrl !== undefined) await requireDatabase(databaseUrl);
    const applied = await migrate(url, paths.migrations);
    const where = opened === undefined ? describeDatabase(url) : `PostgreSQL on ${ports.database}`;
    const how = opened?.isAdopted === true ? ", which was still running" : "";
    const migrations = applied.length > 0 ? `, ${applied.length} migrations applied` : "";
    return { url, note: `${where}${how}${migrations}` };
  }

  #startDatabase(home: Home, port: number) {
    const spec = {
      dataDir: home.path("postgres"),
      port,
      password: home.secrets.databasePassword,
      logFile: home.logFile("postgres"),
    };
    this.#database = new SupervisedDatabase(spec, (change) => this.#report(change));
    return this.#database.start();
  }

  async #startMesh(home: Home, databaseUrl: string): Promise<undefined> {
    this.#mesh = meshProcesses(this.#config, this.#controlPlanes, home, databaseUrl).map(
      (spec) => new SupervisedProcess(spec, (change) => this.#report(change)),
    );
    await Promise.all(this.#mesh.map((process) => process.start()));
    this.#record();
  }

  async #startShop(home: Home): Promise<string> {
    const apiUrl = `http://127.0.0.1:${this.#config.ports.controlAdmin}`;
    const token = await makeCliToken(home.secrets.authSecret, "demo");
    this.#shop = new Shop(this.#config, this.#controlAddresses, home, (change) =>
      this.#report(change),
    );
    const note = await this.#shop.start(new ApiClient({ apiUrl, token }));
    this.#record();
    return note;
  }

  async #writeCredentials(home: Home): Promise<void> {
    const { ports, proxyHost } = this.#config;
    const credentials = {
      apiUrl: this.#consoleUrl,
      token: await makeCliToken(home.secrets.authSecret),
      otlpEndpoint: `http://${proxyHost}:${ports.otlp}`,
    };
    writePrivateFile(home.path("credentials.json"), `${JSON.stringify(credentials, null, 2)}\n`);
  }

  /** For proxies, as HEDDLE_CONTROL_PLANE has them. */
  get #controlAddresses(): string {
    return this.#controlPlanes.map(({ control }) => `${this.#config.proxyHost}:${control}`).join();
  }

  get #consoleUrl(): string {
    return `http://127.0.0.1:${this.#config.ports.console}`;
  }

  async #announce(home: Home): Promise<void> {
    const { ports, proxyHost } = this.#config;
    const loginLink = await makeLoginLink(this.#consoleUrl, home.secrets.authSecret);
    const controlPlanes = this.#controlPlanes.map(({ name, control, admin }) => ({
      name,
      address: `${proxyHost}:${control}`,
      apiUrl: `http://127.0.0.1:${admin}`,
    }));
    const several =
      controlPlanes.length === 1
        ? ""
        : `  ${controlPlanes.length} control planes, for proxies on ${controlPlanes.map(({ address }) => address).join(", ")}: npx heddle replicas\n`;
    this.#events.say(
      {
        event: "ready",
        consoleUrl: this.#consoleUrl,
        loginLink,
        controlPlanes,
        otlpEndpoint: `http://${proxyHost}:${ports.otlp}`,
        processes: this.#processes.map(({ spec, pid }) => ({ name: spec.name, pid })),
        home: home.dir,
      },
      `\nHeddle runs. Open ${loginLink}\n` +
        `  (the link works once, within 15 minutes; \`npx heddle login\` makes another)\n` +
        several +
        `  Try: npx heddle graph · proxies · history · check · run --service hello --port 9000 -- node server.js\n` +
        `  Ctrl-C stops everything; data stays in ${home.dir}\n`,
    );
  }

  /** Of processes that die and come back; not while we stop them ourselves. */
  #report(change: ProcessChange): void {
    if (this.#aborted.signal.aborted) return;
    this.#events.say(change, `${new Date().toISOString()} ${change.process} ${change.words}\n`);
    this.#record();
  }

  #record(): void {
    if (this.#home !== undefined) recordProcesses(this.#home, this.#processes);
  }

  get #processes(): SupervisedProcess[] {
    return [...this.#mesh, ...(this.#shop?.processes ?? [])];
  }

  #boundLogs(): void {
    for (const { spec } of this.#processes) boundLog(spec.logFile);
    if (this.#home !== undefined) boundLog(this.#home.logFile("postgres"));
  }

  async #stopAll(): Promise<void> {
    clearInterval(this.#logCheck);
    await this.#shop?.stop(STOP_MS.apps, STOP_MS.proxies);
    await Promise.all(this.#mesh.map((process) => process.stop(STOP_MS.mesh)));
    await this.#database?.stop();
    if (this.#home !== undefined && this.#unlock !== undefined) {
      rmSync(this.#home.path("run", "processes.json"), { force: true });
      this.#unlock();
    }
  }
}
