import type { z } from "zod";
import { apiErrorFromResponse, noAnswerError, wrongShapeError } from "./api-error.ts";
import { leaveForLogin } from "./leave-for-login.ts";

/** Calls to the console's own origin; answers are checked against the contracts. All throw `ApiError`. */

interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Where every API path hangs; `path` below begins after it: `/me`, `/graph?windowMs=30000`. */
export const API_ROOT = "/api/v1";

export function getJson<T extends z.ZodType>(
  path: string,
  schema: T,
  signal?: AbortSignal,
): Promise<z.output<T>> {
  return callJson(path, schema, signal === undefined ? {} : { signal });
}

export function postJson<T extends z.ZodType>(
  path: string,
  body: unknown,
  schema: T,
  signal?: AbortSignal,
): Promise<z.output<T>> {
  return callJson(path, schema, { method: "POST", body, ...(signal !== undefined && { signal }) });
}

export function putJson<T extends z.ZodType>(
  path: string,
  body: unknown,
  schema: T,
): Promise<z.output<T>> {
  return callJson(path, schema, { method: "PUT", body });
}

export function deleteJson<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T>> {
  return callJson(path, schema, { method: "DELETE" });
}

/** `/nodes/workload%2Fshop%2Freviews-v1/series`: a path of encoded segments. */
export function apiPath(
  segments: readonly string[],
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  const path = `/${segments.map(encodeURIComponent).join("/")}`;
  return search.size === 0 ? path : `${path}?${search}`;
}

async function callJson<T extends z.ZodType>(
  path: string,
  schema: T,
  call: Call,
): Promise<z.output<T>> {
  const response = await send(path, call);
  if (response.status === 401 && path !== "/login") leaveForLogin();
  if (!response.ok) throw await apiErrorFromResponse(response);
  const parsed = schema.safeParse(await readJson(path, response));
  if (!parsed.success) throw wrongShapeError(path, parsed.error);
  return parsed.data;
}

async function send(path: string, { method = "GET", body, signal }: Call): Promise<Response> {
  const init: RequestInit = { method, headers: { accept: "application/json" }, cache: "no-store" };
  if (signal !== undefined) init.signal = signal;
  if (body !== undefined) {
    init.headers = { accept: "application/json", "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(API_ROOT + path, init);
  } catch (cause) {
    if (signal?.aborted) throw cause; // the page has moved on; nobody shows this one
    throw noAnswerError(cause);
  }
}

async function readJson(path: string, response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw wrongShapeError(path, cause);
  }
}
