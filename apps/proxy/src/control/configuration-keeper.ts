import type { ProxyMessage, ResourceRefusal } from "@heddle/contracts/control-stream";
import type { Logger } from "@heddle/runtime";
import {
  type Applied,
  type AppliedConfiguration,
  SavedConfiguration,
} from "./applied-configuration.ts";
import type { DataFolder } from "./data-folder.ts";
import type { Push } from "./read-message.ts";

const CONFIGURATION_FILE = "configuration.json";
const SAVE_DELAY_MS = 250;
const MAX_REASON_CHARS = 4_096;

/** Applies pushes, answers them, and keeps on disk what is applied. */
export class ConfigurationKeeper {
  readonly #configuration: AppliedConfiguration;
  readonly #data: DataFolder;
  readonly #logger: Logger;
  #saveTimer: NodeJS.Timeout | undefined;

  constructor(configuration: AppliedConfiguration, data: DataFolder, logger: Logger) {
    this.#configuration = configuration;
    this.#data = data;
    this.#logger = logger;
  }

  /** Takes up what the last process of this proxy has left on disk. */
  async restore(): Promise<void> {
    const saved = await this.#data.read(CONFIGURATION_FILE, SavedConfiguration);
    if (!saved) return;
    const refused = this.#configuration.restore(saved, Date.now());
    for (const { key, reason } of refused) {
      this.#logger.warn({ key, reason }, "left out of the configuration on disk: not usable here");
    }
    this.#logger.info({ revision: saved.revision }, "running the configuration from disk");
  }

  /** Returns the answer. `knowsPartialAck`: the control plane understands that some of it is refused. */
  apply(push: Push, unread: readonly ResourceRefusal[], knowsPartialAck: boolean): ProxyMessage {
    const { nonce, revision } = push;
    const applied = this.#configuration.apply(push, Date.now());
    const refused = [...unread, ...applied.refused];
    for (const { key, reason } of refused) {
      this.#logger.error({ revision, key, reason }, "refused a resource; what it was, it stays");
    }
    this.#logger.debug({ revision, upserts: push.upserts.length }, "applied a push");
    // What a workload lets in is kept at once: a proxy that is killed now must not come back without it.
    if (push.upserts.some(({ kind }) => kind === "workload" || kind === "trust")) this.save();
    else this.saveSoon();
    return answerTo(nonce, applied.lastSends, refused, knowsPartialAck);
  }

  /**
   * Not at once: where many proxies share a machine, their writing would stand in the way of those that have not
   * applied the push yet. What a crash loses by that, the next stream brings again.
   */
  saveSoon(): void {
    this.#saveTimer ??= setTimeout(() => this.save(), SAVE_DELAY_MS);
  }

  save(): void {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    this.#data.save(CONFIGURATION_FILE, this.#configuration.saved);
  }
}

/** A control plane that knows of no partial ack is to believe nothing that is not so: it sends all again. */
function answerTo(
  nonce: string,
  lastSends: Applied["lastSends"],
  refused: readonly ResourceRefusal[],
  knowsPartialAck: boolean,
): ProxyMessage {
  const ack = { type: "ack" as const, nonce, appliedAtMs: Date.now(), lastSends };
  if (refused.length === 0) return ack;
  const told = refused.map((one) => ({ ...one, reason: one.reason.slice(0, MAX_REASON_CHARS) }));
  if (knowsPartialAck) return { ...ack, refused: told };
  return { type: "nack", nonce, reason: told.map(({ reason }) => reason).join("; ") };
}
