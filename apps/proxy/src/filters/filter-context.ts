import type {
  FilterDestination,
  FilterEnd,
  FilterExchange,
  FilterLogger,
  FilterPeer,
  FilterRequest,
  FilterResponse,
} from "@heddle/filter-api";
import type { RequestParser } from "@heddle/http1";
import type { TrafficRecorder } from "../core/traffic-recorder.ts";
import { checkField, type HeaderEdit, type HeaderEdits } from "./header-edits.ts";

type WriteLine = (fields: object, message: string) => void;
/** The part of a logger that filters need; in a worker the lines go to the proxy's thread. */
export type LineLogger = Record<"debug" | "info" | "warn" | "error", WriteLine> & {
  child(bindings: Record<string, unknown>): LineLogger;
};

/** What a context has to know of the filter it is made for. */
export interface ContextFilter {
  readonly direction: "inbound" | "outbound";
  readonly workload: string;
  countEvent(recorder: Pick<TrafficRecorder, "counter">, event: string, by: number): void;
  logger(logger: LineLogger): FilterLogger;
}

/** What the exchange lends to the filters that look at it. */
export interface FilterHost {
  readonly request: RequestParser;
  readonly recorder: Pick<TrafficRecorder, "counter">;
  readonly logger: LineLogger;
  readonly peer: FilterPeer;
  readonly route: string | undefined;
  readonly destination: FilterDestination;
}

/** An answer a filter gives itself. */
export type FilterAnswer = {
  readonly status: number;
  readonly body: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
};

const EVENT = /^[a-z0-9_]{1,64}$/;
/** Spaces and control characters would end the request line. */
const PATH = /^\/[\x21-\x7e\x80-\xff]*$/;

/** What all hooks see. Its texts are its own: a filter may hold on to it beyond the exchange. */
class Context implements FilterExchange {
  readonly direction: "inbound" | "outbound";
  readonly workload: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly peer: FilterPeer;
  readonly notes: Map<string, unknown>;
  readonly log: FilterLogger;
  readonly #filter: ContextFilter;
  readonly #recorder: FilterHost["recorder"];

  constructor(host: FilterHost, filter: ContextFilter, notes: Map<string, unknown>) {
    const { method, path, authority } = host.request;
    this.direction = filter.direction;
    this.workload = filter.workload;
    this.method = method;
    this.path = path;
    this.authority = authority ?? "";
    this.peer = host.peer;
    this.notes = notes;
    this.log = filter.logger(host.logger);
    this.#filter = filter;
    this.#recorder = host.recorder;
  }

  count(event: string, by = 1): void {
    this.#filter.countEvent(this.#recorder, checkEvent(event), by);
  }
}

export class RequestContext extends Context implements FilterRequest {
  readonly headers: HeaderEdits;
  newPath: string | undefined;
  answer: FilterAnswer | undefined;
  #abort: AbortController | undefined;
  #isGivenUp = false;

  constructor(
    host: FilterHost,
    filter: ContextFilter,
    notes: Map<string, unknown>,
    headers: HeaderEdits,
  ) {
    super(host, filter, notes);
    this.headers = headers;
  }

  setPath(path: string): void {
    this.newPath = checkPath(path);
  }

  respond(status: number, body = "", headers: Readonly<Record<string, string>> = {}): void {
    this.answer = makeAnswer(status, body, headers);
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isGivenUp) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Takes over what another thread has decided. Throws as the hooks' own calls do. */
  replay(decided: {
    readonly edited: readonly HeaderEdit[];
    readonly path: string | undefined;
    readonly answer: FilterAnswer | undefined;
  }): void {
    for (const { name, values } of decided.edited) this.headers.replay(name, values);
    if (decided.path !== undefined) this.setPath(decided.path);
    const { answer } = decided;
    if (answer !== undefined) {
      this.respond(answer.status, answer.body, Object.fromEntries(answer.fields));
    }
  }

  /** Whatever the hook still does is of no effect. */
  close(): void {
    this.headers.isClosed = true;
  }

  giveUp(): void {
    this.close();
    this.#isGivenUp = true;
    this.#abort?.abort();
  }
}

export class ResponseContext extends Context implements FilterResponse {
  readonly status: number;
  readonly headers: HeaderEdits;
  readonly route: string | undefined;
  readonly destination: FilterDestination;
  answer: FilterAnswer | undefined;

  constructor(
    host: FilterHost,
    filter: ContextFilter,
    notes: Map<string, unknown>,
    response: { readonly status: number; readonly headers: HeaderEdits },
  ) {
    super(host, filter, notes);
    this.status = response.status;
    this.headers = response.headers;
    this.route = host.route;
    this.destination = host.destination;
  }

  respond(status: number, body = "", headers: Readonly<Record<string, string>> = {}): void {
    this.answer = makeAnswer(status, body, headers);
  }
}

/** Numbers of an exchange that is over. */
export type EndFacts = Pick<
  FilterEnd,
  "status" | "flags" | "durationMs" | "requestBytes" | "responseBytes"
>;

export class EndContext extends Context implements FilterEnd {
  readonly status: number;
  readonly flags: string;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly route: string | undefined;
  readonly destination: FilterDestination;

  constructor(
    host: FilterHost,
    filter: ContextFilter,
    notes: Map<string, unknown>,
    facts: EndFacts,
  ) {
    super(host, filter, notes);
    this.status = facts.status;
    this.flags = facts.flags;
    this.durationMs = facts.durationMs;
    this.requestBytes = facts.requestBytes;
    this.responseBytes = facts.responseBytes;
    this.route = host.route;
    this.destination = host.destination;
  }
}

/** Throws `TypeError`. */
export function checkEvent(event: string): string {
  if (EVENT.test(event)) return event;
  throw new TypeError(`an event is counted under lower-case letters, digits and _, not "${event}"`);
}

/** Throws `TypeError`. */
export function checkPath(path: string): string {
  if (PATH.test(path)) return path;
  throw new TypeError(`"${path}" is no path: it begins with / and holds no blanks`);
}

/** Throws `TypeError`. */
export function makeAnswer(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>>,
): FilterAnswer {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`a filter answers with a status from 200 to 599, not ${status}`);
  }
  const fields = Object.entries(headers).map(([name, value]) => {
    return [checkField(name, value), value] as const;
  });
  return { status, body, fields };
}
