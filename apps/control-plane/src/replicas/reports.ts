import type { ProxyMessage } from "@heddle/contracts";
import { type Logger, toHeddleError } from "@heddle/runtime";
import { type ConfigDb, DatabaseUnavailableError, saveReports } from "@heddle/store";
import type { TurnedAway } from "../mtls/turned-away.ts";
import { workloadKeyOf } from "../registry/instance.ts";
import type { Observations } from "../registry/observations.ts";
import type { Registry } from "../registry/registry.ts";
import type { StreamHub } from "../stream/hub.ts";
import { registryNotices } from "./notice.ts";
import { type ProxyReport, parseReport } from "./proxy-report.ts";
import type { Replicas } from "./replicas.ts";

/** Guards count by what is told here, so it comes soon. */
const TELL_EVERY_MS = 300;

type Said = Extract<ProxyMessage, { type: "observed" | "turned-away" }>;

type ReportParts = {
  readonly db: ConfigDb;
  readonly registry: Registry;
  readonly hub: StreamHub;
  readonly observations: Observations;
  readonly turnedAway: TurnedAway;
  readonly replicas: Pick<Replicas, "id" | "others" | "tell">;
  readonly logger: Logger;
  readonly onObservations: () => void;
  readonly onTurnedAway: (proxyId: string) => void;
};

/** What proxies say beside their registration, shared between control planes; nothing while there is but one. */
export class Reports {
  readonly #parts: ReportParts;
  readonly #said = new Map<string, Map<Said["type"], Said>>();
  /** What the others were told last, by proxy. */
  readonly #told = new Map<string, string>();
  /** What the others have told, by proxy, as far as it was understood. */
  readonly #foreign = new Map<string, { readonly text: string; readonly report: ProxyReport }>();
  #timer: NodeJS.Timeout | undefined;
  #telling: Promise<void> | undefined;

  constructor(parts: ReportParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tellSoon(), TELL_EVERY_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#telling;
  }

  /** A proxy whose stream is here has said this. */
  said(proxyId: string, message: Said): void {
    const said = this.#said.get(proxyId) ?? new Map<Said["type"], Said>();
    this.#said.set(proxyId, said.set(message.type, message));
  }

  /** How a proxy stands that is connected to another control plane; `undefined`: that has not told (yet). */
  statusOf(proxyId: string): ProxyReport["status"] | undefined {
    const proxy = this.#parts.registry.findProxy(proxyId);
    return proxy?.isConnected ? this.#foreign.get(proxyId)?.report.status : undefined;
  }

  /** Another control plane has written this of a proxy. */
  take(proxyId: string, stored: unknown): void {
    const { registry, observations, turnedAway } = this.#parts;
    const proxy = registry.findProxy(proxyId);
    if (!proxy || registry.isOwn(proxyId)) return;
    if (!proxy.isConnected) {
      this.#foreign.delete(proxyId);
      if (observations.forget(proxyId)) this.#parts.onObservations();
      if (proxy.hasLeft) turnedAway.forget(proxyId);
      return;
    }
    const text = JSON.stringify(stored ?? null);
    if (this.#foreign.get(proxyId)?.text === text) return;
    const report = parseReport(stored);
    if (!report) return;
    this.#foreign.set(proxyId, { text, report });
    const hosted = new Set(registry.instancesOfProxy(proxyId).map(workloadKeyOf));
    for (const message of report.said) {
      if (message.type === "observed") {
        if (observations.replace(proxyId, hosted, message)) this.#parts.onObservations();
      } else if (message.type === "turned-away") {
        const isNew = turnedAway.note(proxyId, hosted, message.callers, Date.now());
        if (isNew) this.#parts.onTurnedAway(proxyId);
      }
    }
  }

  #tellSoon(): void {
    this.#telling ??= this.#tell()
      .catch((error: unknown) => {
        this.#told.clear(); // all of it again, once the database is back
        if (error instanceof DatabaseUnavailableError) return; // said elsewhere
        this.#parts.logger.error({ err: toHeddleError(error) }, "reports of proxies not written");
      })
      .finally(() => {
        this.#telling = undefined;
      });
  }

  async #tell(): Promise<void> {
    const { db, hub, replicas } = this.#parts;
    for (const proxyId of this.#said.keys()) {
      if (!hub.find(proxyId)) this.#said.delete(proxyId);
    }
    if (replicas.others.length === 0) return this.#told.clear();
    const reports: { proxyId: string; text: string }[] = [];
    for (const session of hub.sessions()) {
      const { proxyId } = session;
      const said = [...(this.#said.get(proxyId)?.values() ?? [])];
      const text = JSON.stringify({ status: session.status(), said } satisfies ProxyReport);
      if (this.#told.get(proxyId) !== text) reports.push({ proxyId, text });
    }
    for (const proxyId of this.#told.keys()) if (!hub.find(proxyId)) this.#told.delete(proxyId);
    if (reports.length === 0) return;
    const written = new Set(await saveReports(db, replicas.id, reports)); // the others are not claimed yet
    for (const { proxyId, text } of reports)
      if (written.has(proxyId)) this.#told.set(proxyId, text);
    for (const notice of registryNotices({ proxyIds: [...written], instanceIds: [] })) {
      replicas.tell(notice);
    }
  }
}
