import { lookup } from "node:dns";
import http from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { BlockedAddresses } from "./blocked-addresses.ts";

const MAX_BYTES = 1_048_576;
const MAX_REDIRECTS = 3;

/** A document could not be fetched; the message names the URL without its query, which may hold secrets. */
export class FetchFailedError extends Error {
  override readonly name = "FetchFailedError";
  readonly code = "HEDDLE_FETCH_FAILED";
  readonly url: string;
  constructor(url: string, reason: string, cause?: unknown) {
    super(`${withoutSecrets(url)}: ${reason}`, { cause });
    this.url = withoutSecrets(url);
  }
}

/**
 * Gets a JSON text: HTTP or HTTPS, at most 1 MiB and three redirects, never from HTTPS down to HTTP, and
 * never from an address that is blocked, whatever name leads there. Throws `FetchFailedError`.
 */
export async function fetchJson(
  url: string,
  { timeoutMs, blocked }: { readonly timeoutMs: number; readonly blocked: BlockedAddresses },
): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await get(at, signal, timeoutMs, blocked);
    if (typeof answer === "string") return answer;
    const next = URL.parse(answer.location, at);
    if (next === null) throw new FetchFailedError(at, "it redirects to what is no URL");
    if (new URL(at).protocol === "https:" && next.protocol !== "https:") {
      throw new FetchFailedError(at, `it redirects from https to ${next.protocol.slice(0, -1)}`);
    }
    at = next.href;
  }
  throw new FetchFailedError(url, `more than ${MAX_REDIRECTS} redirects`);
}

function get(
  url: string,
  signal: AbortSignal,
  timeoutMs: number,
  blocked: BlockedAddresses,
): Promise<string | { readonly location: string }> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) =>
      reject(new FetchFailedError(url, reason, cause));
    const { protocol, hostname } = new URL(url);
    if (protocol !== "http:" && protocol !== "https:") {
      fail(`the scheme ${protocol.slice(0, -1)} is not http or https`);
      return;
    }
    const literal = hostname.replace(/^\[|\]$/g, "");
    if (isIP(literal) !== 0 && blocked.has(literal)) {
      fail(`${literal} is an address keys are not fetched from`);
      return;
    }
    const client = protocol === "https:" ? https : http;
    const headers = { accept: "application/json", "user-agent": "heddle-control-plane" };
    const request = client.get(
      url,
      { signal, headers, agent: false, lookup: guardedLookup(blocked) },
      (response) => {
        const { statusCode = 0 } = response;
        const { location } = response.headers;
        if ([301, 302, 303, 307, 308].includes(statusCode) && location !== undefined) {
          response.destroy();
          resolve({ location });
        } else if (statusCode !== 200) {
          response.destroy();
          fail(`it answers ${statusCode}`);
        } else readBody(response, resolve, fail);
      },
    );
    request.on("error", (error) =>
      fail(signal.aborted ? `no answer within ${timeoutMs} ms` : error.message, error),
    );
  });
}

function readBody(
  response: http.IncomingMessage,
  done: (text: string) => void,
  fail: (reason: string, cause?: unknown) => void,
): void {
  const parts: Buffer[] = [];
  let length = 0;
  response.on("data", (part: Buffer) => {
    length += part.length;
    if (length > MAX_BYTES) {
      fail(`it is longer than ${MAX_BYTES} bytes`);
      response.destroy();
    } else parts.push(part);
  });
  response.on("end", () => done(Buffer.concat(parts).toString("utf8")));
  response.on("error", (error) => fail("it breaks off", error));
}

/** The address that is checked is the one that is connected to: a name cannot change in between. */
function guardedLookup(blocked: BlockedAddresses): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const allowed = addresses.filter(({ address }) => !blocked.has(address));
      const [first] = allowed;
      if (first === undefined) {
        const why = `${hostname} leads to addresses keys are not fetched from alone`;
        callback(Object.assign(new Error(why), { code: "HEDDLE_BLOCKED_ADDRESS" }), []);
      } else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function withoutSecrets(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "(no URL)" : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
