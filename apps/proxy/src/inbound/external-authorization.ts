import type http from "node:http";
import type { FieldBlock, RequestParser } from "@heddle/http1";
import type { ExternalAuthorizer, RuleName } from "@heddle/mesh";
import { httpRequest } from "../core/node-http.ts";
import type { DeniedBy, EventCounter, TrafficRecorder } from "../core/traffic-recorder.ts";
import { HeaderEdits, mayChange } from "../filters/header-edits.ts";
import { AuthorizerAgent } from "./authorizer-agent.ts";

/** What an authorizer is shown of a request. */
export type Check = {
  readonly method: string;
  /** With the query, as the app would get it. */
  readonly path: string;
  readonly authority: string;
  /** All of the request's, lower-case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** `undefined`: the authorizer does not ask for it. */
  readonly body: { readonly bytes: Buffer; readonly isPartial: boolean } | undefined;
};

type Fields = readonly (readonly [name: string, value: string])[];
export type CheckVerdict =
  | { readonly kind: "allowed"; readonly toUpstream: Fields; readonly toDownstream: Fields }
  | {
      readonly kind: "denied";
      readonly status: number;
      readonly fields: Fields;
      readonly body: Buffer;
    }
  /** Nobody could decide. */
  | { readonly kind: "failed"; readonly reason: string };

/** Checks under way at once; further ones fail at once instead of piling up. */
const MAX_CHECKS = 512;
const MAX_AGENTS = 16;
const COMPLAINT_EVERY_MS = 10_000;
const MAX_ANSWER_BYTES = 65_536;
/** Of a refusal, whatever the rule lists (Envoy). */
const ALWAYS_TOLD = ["www-authenticate", "location"];
/** What frames the authorizer's own answer, or this hop. */
const OWN_TO_ITS_ANSWER = new Set([
  ..."content-length transfer-encoding connection keep-alive trailer upgrade host".split(" "),
]);

type Sending = {
  readonly finish: (verdict: CheckVerdict) => void;
  readonly fail: (reason: string) => void;
  readonly onRequest: (request: http.ClientRequest) => void;
  /** Nobody waits any more. */
  readonly isOver: () => boolean;
  /** The second and last time. */
  readonly isAgain: boolean;
};

/** Asks external authorizers for one workload and counts what they say. */
export class ExternalAuthorization {
  readonly #recorder: TrafficRecorder;
  readonly #workload: string;
  readonly #outboundPort: () => number;
  /** By address, the oldest first; what is idle closes by itself. */
  readonly #agents = new Map<string, AuthorizerAgent>();
  readonly #counters = new Map<string, EventCounter>();
  #underWay = 0;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(recorder: TrafficRecorder, workload: string, outboundPort: () => number) {
    this.#recorder = recorder;
    this.#workload = workload;
    this.#outboundPort = outboundPort;
  }

  /** Closes what is idle, now and whenever a check ends. */
  close(): void {
    for (const agent of this.#agents.values()) agent.close();
    this.#agents.clear();
  }

  /** Whether the log should hear of a failure: not of each, when all fail. */
  mayComplain(nowMs: number): boolean {
    if (nowMs - this.#complainedAtMs < COMPLAINT_EVERY_MS) return false;
    this.#complainedAtMs = nowMs;
    return true;
  }

  /** Calls `done` once, later, unless the function that comes back is called before: nobody waits any more. */
  ask(
    authorizer: ExternalAuthorizer,
    check: Check,
    done: (verdict: CheckVerdict) => void,
  ): () => void {
    let isOver = false;
    const finish = (verdict: CheckVerdict | undefined) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      this.#underWay--;
      if (verdict === undefined) return;
      this.#count(authorizer.name, verdict.kind);
      done(verdict);
    };
    const fail = (reason: string) => finish({ kind: "failed", reason });
    this.#underWay++;
    const timer = setTimeout(() => {
      fail(`no answer within ${authorizer.timeoutMs} ms`);
      request?.destroy();
    }, authorizer.timeoutMs);
    let request: http.ClientRequest | undefined;
    if (this.#underWay > MAX_CHECKS) {
      setImmediate(fail, `${MAX_CHECKS} checks are under way already`);
    } else {
      try {
        const onRequest = (sent: http.ClientRequest) => {
          request = sent;
        };
        this.#send(authorizer, check, {
          ...{ finish, fail, onRequest },
          isOver: () => isOver,
          isAgain: false,
        });
      } catch (error) {
        // A header that Node's client would not send.
        setImmediate(fail, (error as Error).message);
      }
    }
    return () => {
      finish(undefined);
      request?.destroy();
    };
  }

  #send(authorizer: ExternalAuthorizer, check: Check, how: Sending): void {
    const { finish, fail, onRequest, isAgain } = how;
    const { host, port, pathPrefix } = authorizer;
    const request = httpRequest({
      ...{ host, port, method: check.method, path: `${pathPrefix}${check.path}`, setHost: false },
      agent: this.#agentOf(authorizer),
      headers: headersOf(authorizer, check, this.#outboundPort() !== 0),
    });
    onRequest(request);
    request.on("error", (error) => {
      // A kept connection that closed under the check says nothing of the authorizer.
      const isStale = request.reusedSocket && !isAgain && !how.isOver();
      if (isStale) this.#send(authorizer, check, { ...how, isAgain: true });
      else fail(error.message);
    });
    request.on("response", (response) => {
      readAnswer(response, (body) => finish(toVerdict(authorizer, response, body)), fail);
    });
    request.end(check.body?.bytes);
  }

  #agentOf({ host, port }: ExternalAuthorizer): AuthorizerAgent {
    const key = `${host}:${port}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#agents.keys();
    if (oldest !== undefined && this.#agents.size >= MAX_AGENTS) this.#agents.delete(oldest);
    const made = new AuthorizerAgent(host, port, this.#outboundPort);
    this.#agents.set(key, made);
    return made;
  }

  #count(provider: string, outcome: CheckVerdict["kind"]): void {
    const key = `${provider} ${outcome}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      const labels = { workload: this.#workload, provider, outcome };
      counter = this.#recorder.counter("heddle_external_authorization_total", labels);
      this.#counters.set(key, counter);
    }
    counter.add(1);
  }
}

/**
 * As Envoy: host, method, path, length and authorization always, of the others those the rule lists. On the
 * way through the mesh the authorizer's own host takes the place of the request's, which is told beside it.
 */
function headersOf(
  { requestHeaders, addedHeaders }: ExternalAuthorizer,
  check: Check,
  isByMesh: boolean,
): string[] {
  const { fields, authority, body } = check;
  const isAdded = (name: string) => Object.hasOwn(addedHeaders, name);
  const headers: string[] = ["host", authority, "content-length", String(body?.bytes.length ?? 0)];
  for (const [name, value] of fields) {
    if (OWN_TO_ITS_ANSWER.has(name) || isAdded(name) || name === "expect") continue;
    if (isByMesh && name === "x-forwarded-host") continue;
    if (name === "authorization" || isListed(requestHeaders, name)) headers.push(name, value);
  }
  if (isByMesh) headers.push("x-forwarded-host", authority);
  if (body !== undefined) headers.push("x-envoy-auth-partial-body", String(body.isPartial));
  for (const [name, value] of Object.entries(addedHeaders)) headers.push(name, value);
  return headers;
}

function readAnswer(
  response: http.IncomingMessage,
  done: (body: Buffer) => void,
  fail: (reason: string) => void,
): void {
  const parts: Buffer[] = [];
  let length = 0;
  response.on("data", (part: Buffer) => {
    length += part.length;
    if (length <= MAX_ANSWER_BYTES) parts.push(part);
    else {
      fail(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
      response.destroy();
    }
  });
  response.on("error", (error) => fail(error.message));
  response.on("end", () => done(Buffer.concat(parts)));
}

/** 200 allows; a server's error is no decision; anything else is the caller's answer. */
function toVerdict(
  authorizer: ExternalAuthorizer,
  { statusCode = 0, rawHeaders }: http.IncomingMessage,
  body: Buffer,
): CheckVerdict {
  const { headersToUpstream, headersToDownstreamOnAllow, headersToDownstreamOnDeny } = authorizer;
  if (statusCode === 200) {
    return {
      kind: "allowed",
      toUpstream: fieldsOf(rawHeaders, (name) => isListed(headersToUpstream, name)),
      toDownstream: fieldsOf(rawHeaders, (name) => isListed(headersToDownstreamOnAllow, name)),
    };
  }
  if (statusCode >= 500 || statusCode < 200) {
    return { kind: "failed", reason: `it answers ${statusCode}` };
  }
  const fields = fieldsOf(
    rawHeaders,
    (name) =>
      headersToDownstreamOnDeny.length === 0 ||
      ALWAYS_TOLD.includes(name) ||
      isListed(headersToDownstreamOnDeny, name),
  );
  return { kind: "denied", status: statusCode, fields, body };
}

function fieldsOf(raw: readonly string[], isWanted: (name: string) => boolean): Fields {
  const fields: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] as string).toLowerCase();
    if (!OWN_TO_ITS_ANSWER.has(name) && mayChange(name) && isWanted(name)) {
      fields.push([name, raw[index + 1] as string]);
    }
  }
  return fields;
}

/** Exact, or with a star at one end. */
function isListed(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => {
    if (pattern.startsWith("*")) return name.endsWith(pattern.slice(1));
    if (pattern.endsWith("*")) return name.startsWith(pattern.slice(0, -1));
    return name === pattern;
  });
}

/** The part of a body an authorizer is shown; "too-long": all of it is wanted, and it is more than that. */
export function bodyFor({ body }: ExternalAuthorizer, kept: Buffer): Check["body"] | "too-long" {
  if (body === undefined) return undefined;
  const isPartial = kept.length > body.maxBytes;
  if (isPartial && !body.allowsPartial) return "too-long";
  return { bytes: Buffer.from(kept.subarray(0, body.maxBytes)), isPartial };
}

export function allFields(fields: FieldBlock): [name: string, value: string][] {
  const all: [string, string][] = [];
  for (let index = 0; index < fields.count; index++) {
    all.push([fields.nameAt(index).toLowerCase(), fields.valueAt(index)]);
  }
  return all;
}

/** Puts what an authorizer says in the place of what a request said itself. Throws `Http1Error`. */
export function putFields(request: RequestParser, fields: Fields): void {
  const edits = new HeaderEdits(request.fields);
  for (const [name, values] of Map.groupBy(fields, ([name]) => name)) {
    edits.replay(
      name,
      values.map(([, value]) => value),
    );
  }
  request.replace(edits.headOf(request, request.path));
}

export function deniedByCustom({ namespace, policy, rule }: RuleName): DeniedBy {
  return {
    isShadow: false,
    rule: `${namespace}/${policy}/${rule}`,
    nearest: undefined,
    fields: [],
  };
}
