import type { OutBuffer, ResponseParser } from "@heddle/http1";
import type { FailedBy } from "../core/traffic-recorder.ts";
import type { Failure, OwnAnswer } from "../transport/failure.ts";
import type { ActiveFilter, FailureKind, FilterChain } from "./active-filter.ts";
import {
  EndContext,
  type EndFacts,
  type FilterAnswer,
  type FilterHost,
  RequestContext,
  ResponseContext,
} from "./filter-context.ts";
import { FilterWorkerError } from "./filter-worker.ts";
import { HeaderEdits } from "./header-edits.ts";

/** What takes the place of going on; `undefined`: go on. */
export type FilterVerdict = { readonly answer: OwnAnswer } | { readonly failure: Failure };
type Done = (verdict: FilterVerdict | undefined) => void;

/** Who answers in the proxy's name, and whose fault a failing filter is. */
export type FilterVoice = {
  readonly origin: string;
  readonly blame: FailedBy;
};

const NO_NOTES = (): Map<string, unknown> => new Map();

/**
 * A workload's filters over one exchange: each sees the request as those before it have left it, and the
 * response as those behind it have. What one changes counts only once it has returned in time, so a
 * failing filter leaves nothing half done.
 */
export class FilterRun {
  readonly #chain: FilterChain;
  readonly #host: FilterHost;
  readonly #voice: FilterVoice;
  readonly #notes = new Map<ActiveFilter, Map<string, unknown>>();
  /** Ends the wait for a hook. */
  #giveUp: (() => void) | undefined;
  #responseEdits: HeaderEdits | undefined;
  /** Which filter has ended the exchange, and how; `undefined`: none. */
  details: string | undefined;

  constructor(chain: FilterChain, host: FilterHost, voice: FilterVoice) {
    this.#chain = chain;
    this.#host = host;
    this.#voice = voice;
  }

  /** The request's head as bytes, for another thread. */
  get #head(): Uint8Array {
    const { request } = this.#host;
    return new HeaderEdits(request.fields).headOf(request, request.path);
  }

  #notesOf(filter: ActiveFilter): Map<string, unknown> {
    let notes = this.#notes.get(filter);
    if (notes === undefined) {
      notes = NO_NOTES();
      this.#notes.set(filter, notes);
    }
    return notes;
  }

  // ---- The request ----

  /** Calls `done` within this call, or later where a hook makes the request wait; not after `end`. */
  onRequestHead(done: Done): void {
    this.#runFrom(0, done);
  }

  #runFrom(from: number, done: Done): void {
    const { filters } = this.#chain;
    for (let index = from; index < filters.length; index++) {
      const filter = filters[index] as ActiveFilter;
      const verdict = this.#ask(filter, index, done);
      if (verdict === "waiting") return;
      if (verdict !== undefined) {
        done(verdict);
        return;
      }
    }
    done(undefined);
  }

  #ask(filter: ActiveFilter, index: number, done: Done): FilterVerdict | undefined | "waiting" {
    const { definition } = filter;
    if (definition === undefined) return this.#failed(filter, "missing", filter.problem);
    if (definition.onRequestHead === undefined) return undefined;
    const startMs = performance.now();
    if (filter.guard.isOff(startMs)) return this.#failed(filter, "off");
    const headers = new HeaderEdits(this.#host.request.fields);
    const context = new RequestContext(this.#host, filter, this.#notesOf(filter), headers);
    let result: void | Promise<void>;
    try {
      result =
        filter.worker === undefined
          ? definition.onRequestHead(context, filter.settings)
          : filter.worker.ask(context, this.#head, filter.setting.budgetMs);
    } catch (error) {
      context.giveUp();
      return this.#failed(filter, "throw", error);
    }
    const tookMs = performance.now() - startMs;
    if (this.#isOverrun(filter, tookMs)) {
      if (result instanceof Promise) result.catch(() => {});
      context.giveUp();
      return this.#failed(filter, "overrun", `it held the thread for ${Math.round(tookMs)} ms`);
    }
    if (!(result instanceof Promise)) return this.#commit(filter, context);
    const leftMs = filter.setting.budgetMs - tookMs + (filter.worker?.startingMs ?? 0);
    this.#wait(filter, context, result, leftMs, (verdict) => {
      if (verdict !== undefined) done(verdict);
      else this.#runFrom(index + 1, done);
    });
    return "waiting";
  }

  #wait(
    filter: ActiveFilter,
    context: RequestContext,
    result: Promise<void>,
    leftMs: number,
    next: Done,
  ): void {
    let isOver = false;
    const stop = () => {
      isOver = true;
      clearTimeout(timer);
      this.#giveUp = undefined;
    };
    const timer = setTimeout(() => {
      stop();
      context.giveUp();
      next(this.#failed(filter, "timeout", `no result in ${filter.setting.budgetMs} ms`));
    }, leftMs);
    this.#giveUp = () => {
      stop();
      context.giveUp();
    };
    void follow(result, (error) => {
      if (isOver) return;
      stop();
      if (error === undefined) {
        next(this.#commit(filter, context));
        return;
      }
      context.giveUp();
      const kind = error instanceof FilterWorkerError ? "worker" : "throw";
      next(this.#failed(filter, kind, error));
    });
  }

  #isOverrun(filter: ActiveFilter, tookMs: number): boolean {
    const { budgetMs } = filter.setting;
    if (tookMs <= budgetMs) return false;
    if (filter.guard.noteOverrun(performance.now())) {
      const fields = { filter: filter.name, workload: filter.workload, tookMs, budgetMs };
      this.#host.logger.error(fields, "a filter keeps holding the thread and is switched off");
    }
    return true;
  }

  /** Lets hold what a hook has changed. */
  #commit(filter: ActiveFilter, context: RequestContext): FilterVerdict | undefined {
    const { answer, headers, newPath } = context;
    context.close();
    if (answer !== undefined) return { answer: this.#answerOf(filter, answer) };
    if (headers.isEmpty && newPath === undefined) return undefined;
    const { request } = this.#host;
    const { path } = request;
    const { bytes, base } = request.fields;
    try {
      request.replace(headers.headOf(request, newPath ?? path));
      return undefined;
    } catch (error) {
      // The bytes of the head as it was are untouched.
      request.reset();
      request.detach(request.parse(bytes, base, bytes.length));
      request.path = path;
      return this.#failed(filter, "invalid", error);
    }
  }

  // ---- The response ----

  /** The last filter is the first to see it. */
  onResponseHead(response: ResponseParser): FilterVerdict | undefined {
    const { filters } = this.#chain;
    for (let index = filters.length - 1; index >= 0; index--) {
      const filter = filters[index] as ActiveFilter;
      if (filter.definition?.onResponseHead === undefined) continue;
      const verdict = this.#show(filter, response);
      if (verdict !== undefined) return verdict;
    }
    this.#responseEdits?.dropOriginals();
    return undefined;
  }

  #show(filter: ActiveFilter, response: ResponseParser): FilterVerdict | undefined {
    const startMs = performance.now();
    if (filter.guard.isOff(startMs)) return this.#failed(filter, "off");
    const headers = new HeaderEdits(response.fields, this.#responseEdits);
    const { status } = response;
    const context = new ResponseContext(this.#host, filter, this.#notesOf(filter), {
      status,
      headers,
    });
    try {
      const result: unknown = filter.definition?.onResponseHead?.(context, filter.settings);
      if (result instanceof Promise) {
        result.catch(() => {});
        return this.#failed(filter, "invalid", "onResponseHead has returned a promise");
      }
    } catch (error) {
      return this.#failed(filter, "throw", error);
    } finally {
      headers.isClosed = true;
    }
    const tookMs = performance.now() - startMs;
    if (this.#isOverrun(filter, tookMs)) {
      return this.#failed(filter, "overrun", `it held the thread for ${Math.round(tookMs)} ms`);
    }
    if (context.answer !== undefined) return { answer: this.#answerOf(filter, context.answer) };
    if (!headers.isEmpty) this.#responseEdits = headers;
    return undefined;
  }

  writeResponseFields(out: OutBuffer): void {
    this.#responseEdits?.applyTo(out);
  }

  // ---- The end ----

  /** Exactly once, whatever became of the exchange. */
  end(facts: EndFacts): void {
    this.#giveUp?.();
    for (const filter of this.#chain.filters) {
      if (filter.definition?.onEnd === undefined) continue;
      const startMs = performance.now();
      if (filter.guard.isOff(startMs)) continue;
      try {
        const context = new EndContext(this.#host, filter, this.#notesOf(filter), facts);
        if (filter.worker === undefined) filter.definition.onEnd(context, filter.settings);
        else filter.worker.tell(context, this.#head);
      } catch (error) {
        this.#failed(filter, "throw", error);
      }
      const tookMs = performance.now() - startMs;
      if (this.#isOverrun(filter, tookMs)) this.#failed(filter, "overrun");
    }
  }

  // ---- Words ----

  #answerOf(filter: ActiveFilter, { status, body, fields }: FilterAnswer): OwnAnswer {
    const { origin, blame } = this.#voice;
    this.details = `heddle_filter_answered{${filter.name}}`;
    const own: (readonly [string, string])[] = [
      ["x-heddle-origin", origin],
      ["x-heddle-filter", filter.name],
    ];
    const hasType = fields.some(([name]) => name === "content-type");
    if (!hasType && body !== "") own.unshift(["content-type", "text/plain; charset=utf-8"]);
    return {
      status,
      fields: [...fields, ...own],
      body: body === "" ? undefined : Buffer.from(body),
      flag: "-",
      failedBy: status >= 500 ? blame : "",
    };
  }

  /** What a rule says of a failing filter; its own words go to the log alone. */
  #failed(filter: ActiveFilter, kind: FailureKind, reason?: unknown): FilterVerdict | undefined {
    const { recorder, logger } = this.#host;
    const { name, onFailure } = filter.setting;
    filter.countFailure(recorder, kind);
    if (filter.mayComplain(performance.now())) {
      const fields = { filter: name, workload: filter.workload, kind, onFailure };
      const why = reason instanceof Error ? { err: reason } : { reason };
      logger.warn({ ...fields, ...why }, "a filter has failed");
    }
    if (onFailure === "skip") return undefined;
    const { origin, blame } = this.#voice;
    this.details = `heddle_filter_failed{${name}}`;
    return {
      failure: {
        status: 500,
        flag: kind === "missing" ? "NFCF" : "HFF",
        failedBy: blame,
        explanation: [
          `${origin}: the filter "${name}" failed (${kind}), and its rule refuses the request then`,
          `workload: ${filter.workload}`,
          "rule: onFailure: fail",
        ].join("\n"),
      },
    };
  }
}

/** Tells how a hook ended; `undefined`: well. */
async function follow(result: Promise<void>, onEnd: (error: unknown) => void): Promise<void> {
  let failure: unknown;
  try {
    await result;
  } catch (error) {
    failure = error ?? new Error("its promise was rejected without a reason");
  }
  onEnd(failure);
}
