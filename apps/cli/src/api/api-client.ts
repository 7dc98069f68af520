import { Problem } from "@heddle/contracts";
import type { z } from "zod";
import { ApiError } from "../errors.ts";
import type { Credentials } from "./credentials.ts";
import { readEvents, type ServerEvent } from "./event-stream.ts";

const TIMEOUT_MS = 30_000;

type Request = {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
};

/** Asks `/api/v1/*`; answers are checked against the contract, refusals become `ApiError`s with a line for each fault. */
export class ApiClient {
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  get apiUrl(): string {
    return this.#credentials.apiUrl;
  }

  async ask<Shape extends z.ZodType>(
    shape: Shape,
    path: string,
    { method = "GET", body, query = {} }: Request = {},
  ): Promise<z.infer<Shape>> {
    const url = new URL(`/api/v1${path}`, this.#credentials.apiUrl);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const response = await this.#send(url, method, body);
    const text = await response.text();
    if (!response.ok) throw toApiError(response.status, text, url);
    const parsed = shape.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new ApiError(
      response.status,
      `${method} ${url.pathname} answered what this heddle does not understand (${parsed.error.issues[0]?.path.join(".")}: ${parsed.error.issues[0]?.message}); are both of the same version?`,
    );
  }

  /** Server-sent events, until they end or `signal` aborts. */
  async *follow(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    const url = new URL(`/api/v1${path}`, this.#credentials.apiUrl);
    try {
      const response = await this.#send(url, "GET", undefined, signal);
      if (!response.ok) throw toApiError(response.status, await response.text(), url);
      if (response.body) yield* readEvents(response.body);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError) throw error;
      throw new ApiError(0, `${url.origin}: the stream broke off`, { cause: error });
    }
  }

  async #send(
    url: URL,
    method: string,
    body: unknown,
    signal = AbortSignal.timeout(TIMEOUT_MS),
  ): Promise<Response> {
    try {
      return await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${this.#credentials.token}`,
          "user-agent": "heddle-cli", // as the audit log shows it
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      });
    } catch (cause) {
      const isTimeout = cause instanceof Error && cause.name === "TimeoutError";
      const why = isTimeout ? `no answer within ${TIMEOUT_MS / 1000} s` : "nobody answers there";
      throw new ApiError(0, `${url.origin}: ${why}; is \`heddle up\` running?`, { cause });
    }
  }
}

function toApiError(status: number, text: string, url: URL): ApiError {
  const answer = parseJson(text);
  const problem = Problem.safeParse(answer);
  if (!problem.success) return new ApiError(status, `${url.pathname} answered ${status}`);
  const { detail, title, errors = [] } = problem.data;
  const faults = errors.map(({ field, message }) => `${field}: ${message}`);
  const [fault = ""] = faults;
  const more = { problem: answer };
  if (faults.length > 1) return new ApiError(status, faults.join("\n"), more);
  const summary = detail || title;
  return new ApiError(status, summary.includes(fault) ? summary : `${summary} (${fault})`, more);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not of ours: a gateway's page, say
  }
}
