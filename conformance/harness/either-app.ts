import http from "node:http";
import http2 from "node:http2";
import net, { type Socket } from "node:net";
import type { Scope } from "@heddle/testkit";
import { holdAnswer } from "./held-answers.ts";
import { listen } from "./stream-apps.ts";

/** An app that speaks HTTP/1.1 and HTTP/2 without TLS on one port, and counts how it is asked. */
export type EitherApp = {
  readonly port: number;
  readonly versions: readonly string[];
  /** Connections accepted so far. */
  readonly connections: number;
};

/** Answers 200, at once or, with `hold=KEY` in `x-do`, when it is let go (see `HeldAnswers`). */
export async function startEitherApp(scope: Scope): Promise<EitherApp> {
  const versions: string[] = [];
  const answer = (
    { httpVersion, headers }: http.IncomingMessage | http2.Http2ServerRequest,
    finish: (headers: Record<string, string>) => void,
  ) => {
    versions.push(httpVersion);
    const key = /^hold=(\S+)$/.exec(String(headers["x-do"] ?? ""))?.[1] ?? "";
    holdAnswer(key, () => finish({ "x-app": "either", "x-version": httpVersion }));
  };
  const one = http.createServer((request, response) =>
    answer(request, (headers) => response.writeHead(200, headers).end("{}")),
  );
  const two = http2.createServer((request, response) =>
    answer(request, (headers) => {
      response.writeHead(200, headers);
      response.end("{}");
    }),
  );
  let connections = 0;
  const door = net.createServer((socket: Socket) => {
    connections += 1;
    socket.on("error", () => undefined);
    socket.once("data", (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      const isTwo = first.toString("latin1", 0, 3) === "PRI";
      (isTwo ? two : one).emit("connection", socket);
      if (!isTwo) socket.resume();
    });
  });
  const port = await listen(scope, door);
  return {
    port,
    versions,
    get connections() {
      return connections;
    },
  };
}

/** One GET over a new HTTP/2 connection without TLS; the answer's headers. */
export function getByHttp2(
  port: number,
  authority: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const stream = session.request({ ":path": "/", ":authority": authority, ...headers });
    let all: Record<string, string> = {};
    const collect = (more: http2.IncomingHttpHeaders) => {
      const named = Object.entries(more).map(([name, value]) => [name, String(value)]);
      all = { ...all, ...(Object.fromEntries(named) as Record<string, string>) };
    };
    stream.on("response", collect);
    stream.on("trailers", collect);
    stream.on("error", reject);
    stream.on("close", () => {
      session.close();
      resolve(all);
    });
    stream.resume();
    stream.end();
  });
}
