import { promises } from "node:dns";
import { type DnsSourceDocument, formatRef } from "@heddle/resources";
import { type Logger, toHeddleError } from "@heddle/runtime";
import { DatabaseUnavailableError } from "@heddle/store";
import type { SingletonTask } from "../../replicas/singleton.ts";
import type { MeshConfig } from "../../revisions/mesh-config.ts";
import { isOf } from "../../snapshot/mesh-document.ts";
import { emptyContent } from "../source-content.ts";
import type { SourceKeeper } from "../source-keeper.ts";
import type { SourceTaker } from "../source-taker.ts";
import { DNS_TASK } from "../source-task-name.ts";
import {
  composeReading,
  dnsSourceName,
  type LookupOutcome,
  lookupKey,
  nextAskMs,
} from "./dns-reading.ts";
import { LookupFailedError, resolveLookup } from "./resolve-lookup.ts";

const EVERY_MS = 250;
const ASK_TIMEOUT_MS = 2000;
const TRIES = 2;
/** Names of all sources that are asked for at a time. */
const MAX_ASKED_AT_ONCE = 64;
/** What was answered to a source that is gone is kept so long, for the case that it is restored. */
const FORGET_AFTER_MS = 600_000;

export type DnsTaskParts = {
  readonly config: MeshConfig;
  readonly keeper: SourceKeeper;
  readonly taker: SourceTaker;
  readonly logger: Logger;
  /** Whether this control plane is the one that asks. */
  readonly isMine: () => boolean;
};

/** Asks the DNS for the names of all DnsSources, each when its answer's time is over. */
export class DnsTask {
  readonly #parts: DnsTaskParts;
  readonly #nextAtMs = new Map<string, number>();
  readonly #asking = new Map<string, promises.Resolver>();
  readonly #orphanedAtMs = new Map<string, number>();
  #line: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(parts: DnsTaskParts) {
    this.#parts = parts;
  }

  get task(): SingletonTask {
    return { name: DNS_TASK, everyMs: EVERY_MS, run: () => this.#turn(Date.now()) };
  }

  close(): void {
    this.#isClosed = true;
    for (const resolver of this.#asking.values()) resolver.cancel();
  }

  async #turn(nowMs: number): Promise<void> {
    const { documents } = this.#parts.config.snapshot;
    const sources = [...documents.values()].filter((one) => isOf(one, "DnsSource"));
    const due = new Set<string>();
    for (const { resource } of sources) {
      for (const lookup of resource.lookups) {
        const key = keyOf(resource, lookupKey(lookup));
        due.add(key);
        const isDue = (this.#nextAtMs.get(key) ?? 0) <= nowMs;
        if (!isDue || this.#asking.has(key) || this.#asking.size >= MAX_ASKED_AT_ONCE) continue;
        void this.#ask(resource, lookup, key);
      }
    }
    for (const key of this.#nextAtMs.keys()) if (!due.has(key)) this.#nextAtMs.delete(key);
    await this.#forgetOrphans(nowMs);
  }

  async #ask(
    source: DnsSourceDocument,
    lookup: DnsSourceDocument["lookups"][number],
    key: string,
  ): Promise<void> {
    const resolver = new promises.Resolver({ timeout: ASK_TIMEOUT_MS, tries: TRIES });
    if (source.servers.length > 0) resolver.setServers([...source.servers]);
    this.#asking.set(key, resolver);
    const outcome = await resolveLookup(resolver, lookup).catch((error: unknown): LookupOutcome => {
      const isKnown = error instanceof LookupFailedError;
      return {
        problem: isKnown ? error.message : `${lookup.name}: ${toHeddleError(error).message}`,
      };
    });
    this.#asking.delete(key);
    this.#nextAtMs.set(key, nextAskMs(source, outcome, Date.now()));
    // One after the other: each is composed with what the one before has left.
    this.#line = this.#line.then(() => this.#take(source, lookupKey(lookup), outcome));
    await this.#line;
  }

  async #take(source: DnsSourceDocument, key: string, outcome: LookupOutcome): Promise<void> {
    const { config, keeper, taker, logger, isMine } = this.#parts;
    const now = config.snapshot.documents.get(formatRef(source));
    if (this.#isClosed || !isMine() || now?.resource !== source) return; // asked for another, or by another
    const name = dnsSourceName(source);
    const before = keeper.find(name)?.content ?? emptyContent(Date.now());
    const reading = composeReading(source, new Map([[key, outcome]]), before, Date.now());
    await taker.take(name, "dns", reading).catch((error: unknown) => {
      this.#nextAtMs.delete(keyOf(source, key)); // at the next turn again
      if (error instanceof DatabaseUnavailableError) return; // said elsewhere
      logger.error(
        { err: toHeddleError(error), source: name },
        "an answer of the DNS was not taken",
      );
    });
  }

  async #forgetOrphans(nowMs: number): Promise<void> {
    const { config, keeper } = this.#parts;
    for (const { name, kind, content } of keeper.list()) {
      const [document] = content.documents;
      const isOrphan =
        kind === "dns" &&
        !config.snapshot.documents.has(document?.dependsOn ?? `DnsSource ${name.slice(4)}`);
      if (!isOrphan) {
        this.#orphanedAtMs.delete(name);
        continue;
      }
      const sinceMs = this.#orphanedAtMs.get(name) ?? nowMs;
      this.#orphanedAtMs.set(name, sinceMs);
      if (nowMs - sinceMs >= FORGET_AFTER_MS) await keeper.forget(name);
    }
  }
}

function keyOf(source: DnsSourceDocument, lookup: string): string {
  return `${dnsSourceName(source)} ${lookup} ${source.servers.join()}`;
}
