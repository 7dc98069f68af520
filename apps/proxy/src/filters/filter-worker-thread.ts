import { parentPort, workerData } from "node:worker_threads";
import { DEFAULT_LIMITS, RequestParser } from "@heddle/http1";
import { fieldNames } from "../transport/proxy-fields.ts";
import { ActiveFilter } from "./active-filter.ts";
import { EndContext, type FilterHost, type LineLogger, RequestContext } from "./filter-context.ts";
import { importFilter } from "./filter-module.ts";
import { readFilterSettings } from "./filter-settings.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./filter-worker.ts";
import { HeaderEdits } from "./header-edits.ts";

/** One filter in its own thread: it is told heads and tells what becomes of them. */
const start = workerData as WorkerStart;
const say = (message: FromWorker) => parentPort?.postMessage(message);

const { url, name, version, workload, direction } = start;
const definition = await importFilter(url, name, version);
const settings = readFilterSettings(definition, start.settings);
const setting = {
  ...{ name, direction, settings: start.settings, budgetMs: Number.POSITIVE_INFINITY },
  onFailure: "skip" as const,
};
const filter = new ActiveFilter(setting, workload, {
  file: { name, url, version, definition },
  settings,
});

const logger: LineLogger = {
  ...lines("debug", "info", "warn", "error"),
  child: () => logger,
};
const recorder: FilterHost["recorder"] = {
  counter: (_name, labels) => ({
    add: (by) => say({ kind: "count", event: labels["event"] ?? "", by }),
  }),
};
/** Of exchanges whose end is still to be told. */
const notes = new Map<number, Map<string, unknown>>();
const INSIDE = { service: workload, workload, version: undefined, subset: undefined };
/** Heads come checked and within the proxy's limits, which may be wider than the codec's own. */
const LIMITS = {
  ...DEFAULT_LIMITS,
  maxLineBytes: 1_048_576,
  maxHeadBytes: 1_114_112,
  maxFields: 1_064,
};

parentPort?.on("message", (message: ToWorker) => {
  if (message.kind === "ping") say({ kind: "pong" });
  else if (message.kind === "request") void ask(message);
  else tell(message);
});
say({ kind: "ready" });

function hostOf({ head, peer }: Exclude<ToWorker, { kind: "ping" }>): FilterHost {
  const request = new RequestParser(fieldNames, LIMITS);
  request.replace(Buffer.from(head));
  return { request, recorder, logger, peer, route: undefined, destination: INSIDE };
}

async function ask(message: Extract<ToWorker, { kind: "request" }>): Promise<void> {
  const { id } = message;
  try {
    const own = new Map<string, unknown>();
    if (start.hasEnd) notes.set(id, own);
    const host = hostOf(message);
    const headers = new HeaderEdits(host.request.fields);
    const context = new RequestContext(host, filter, own, headers);
    await definition.onRequestHead?.(context, settings);
    const { newPath: path, answer } = context;
    say({ kind: "done", id, edited: headers.edited, path, answer });
  } catch (error) {
    say({ kind: "failed", id, message: error instanceof Error ? error.message : String(error) });
  }
}

function tell(message: Extract<ToWorker, { kind: "end" }>): void {
  const own = notes.get(message.id) ?? new Map<string, unknown>();
  notes.delete(message.id);
  try {
    const host = { ...hostOf(message), ...message.place };
    definition.onEnd?.(new EndContext(host, filter, own, message.facts), settings);
  } catch (error) {
    filter.logger(logger).warn("onEnd has failed", { reason: String(error) });
  }
}

function lines<Level extends "debug" | "info" | "warn" | "error">(
  ...levels: readonly Level[]
): Record<Level, (fields: object, message: string) => void> {
  const writers = levels.map((level) => [
    level,
    (fields: object, message: string) => say({ kind: "log", level, fields, message }),
  ]);
  return Object.fromEntries(writers) as Record<Level, (fields: object, message: string) => void>;
}
