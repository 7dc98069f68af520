import http from "node:http";
import type { Scope } from "@heddle/testkit";
import type { Seen } from "./seen-app.ts";

export type CallOptions = {
  readonly method?: string;
  readonly path?: string;
  /** The authority asked for; default: the case's host. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly from?: string;
  /** Of the calling app; any of 127.0.0.0/8. */
  readonly localAddress?: string;
  /** What the app is to do with it, see `startSeenApp`. */
  readonly do?: string;
};

/** An answer as the calling app sees it. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly setCookies: readonly string[];
  readonly text: string;
  readonly tookMs: number;
  /** The app that answered, by its own word; `undefined`: a proxy did. */
  readonly app: string | undefined;
  /** The request as that app saw it. */
  readonly seen: Seen;
};

/** Sends requests to a port of loopback over kept connections of its own. */
export type Sender = (
  options: CallOptions & { readonly port: number; readonly host: string },
) => Promise<Answer>;

/** A client whose connections end with `scope`. */
export function createSender(scope: Scope): Sender {
  const agent = new http.Agent({ keepAlive: true });
  scope.after(() => agent.destroy());
  return ({ port, host, method = "GET", path = "/", headers = {}, body, ...rest }) =>
    new Promise<Answer>((resolve, reject) => {
      const startedMs = performance.now();
      const all: Record<string, string | string[]> = { host };
      for (const [name, value] of Object.entries(headers)) {
        all[name] = typeof value === "string" ? value : [...value];
      }
      if (rest.do !== undefined) all["x-do"] = rest.do;
      if (body !== undefined) all["content-length"] = String(Buffer.byteLength(body));
      const request = http.request(
        {
          agent,
          host: "127.0.0.1",
          port,
          method,
          path,
          headers: all,
          setHost: false,
          ...(rest.localAddress === undefined ? {} : { localAddress: rest.localAddress }),
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(parts).toString();
            resolve(describe(response, text, performance.now() - startedMs));
          });
        },
      );
      request.on("error", reject);
      request.end(body);
    });
}

function describe(response: http.IncomingMessage, text: string, tookMs: number): Answer {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value);
  const app = headers["x-app"];
  return {
    status: response.statusCode ?? 0,
    headers,
    setCookies: response.headers["set-cookie"] ?? [],
    text,
    tookMs,
    app,
    get seen(): Seen {
      if (app === undefined) {
        throw new Error(`no app has answered but a proxy: ${response.statusCode} ${text}`);
      }
      return JSON.parse(text) as Seen;
    },
  };
}
