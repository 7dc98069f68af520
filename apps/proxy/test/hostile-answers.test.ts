import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  rawApp,
  service,
  TestMesh,
} from "./data-path-kit.ts";

type Case = {
  readonly what: string;
  readonly method?: "GET" | "HEAD";
  readonly answer: string;
  /** What the client reads, fields of the proxies' own left out. */
  readonly reads: RegExp;
};

const ok = (fields: string, body = "") => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
const refused = (why: string) =>
  new RegExp(`^HTTP/1\\.1 502 Bad Gateway\\r\\n[^]*x-heddle-flags: UPE\\r\\n[^]*${why}`);

/** What answers of a broken or hostile app become; a request behind each still gets its own answer. */
const cases: readonly Case[] = [
  {
    what: "a body behind the answer to HEAD",
    method: "HEAD",
    answer: ok("Content-Length: 5\r\n", "hello"),
    reads: /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/,
  },
  {
    what: "a body behind 204",
    answer: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    reads: /^HTTP\/1\.1 204 No Content\r\n(?:(?!content-length)[^\r]+\r\n)*\r\n$/i,
  },
  {
    what: "a body behind 304",
    answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
    reads: /^HTTP\/1\.1 304 Not Modified\r\n[^]*\r\n\r\n$/,
  },
  {
    what: "a whole answer behind the answer",
    answer: ok("Content-Length: 2\r\n", `ok${ok("Content-Length: 4\r\n", "evil")}`),
    reads: /\r\n\r\nok$/,
  },
  {
    what: "an answer behind the last chunk",
    answer: ok("Transfer-Encoding: chunked\r\n", `2\r\nok\r\n0\r\n\r\n${ok("\r\n")}`),
    reads: /\r\n\r\n2\r\nok\r\n0\r\n\r\n$/,
  },
  {
    what: "four informational answers first",
    answer: [100, 103, 102, 103]
      .map((status) => `HTTP/1.1 ${status} Wait\r\nLink: </${status}>\r\n\r\n`)
      .concat(ok("Content-Length: 2\r\n", "ok"))
      .join(""),
    reads: /^HTTP\/1\.1 100 [^]*?HTTP\/1\.1 103 [^]*?HTTP\/1\.1 102 [^]*HTTP\/1\.1 200 [^]*ok$/,
  },
  {
    what: "a length in an informational answer",
    answer: `HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\n${ok("Content-Length: 2\r\n", "ok")}`,
    reads: /^HTTP\/1\.1 103 Early Hints\r\n(?!Content-Length)[^]*HTTP\/1\.1 200 OK[^]*ok$/,
  },
  {
    what: "a coding in 204",
    answer: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    reads: refused("Transfer-Encoding in a 204"),
  },
  {
    what: "length and coding",
    answer: ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\nok\r\n0\r\n\r\n"),
    reads: refused("stand in one message"),
  },
  {
    what: "two lengths",
    answer: ok("Content-Length: 2\r\nContent-Length: 2\r\n", "ok"),
    reads: refused("Content-Length is repeated"),
  },
  {
    what: "two codings",
    answer: ok("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    reads: refused("not exactly `chunked`"),
  },
  {
    what: "another protocol that nobody asked for",
    answer: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
    reads: refused("101 answers a request that asked for no other protocol"),
  },
  {
    what: "lines that end in a bare LF",
    answer: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    reads: refused("a bare LF"),
  },
  {
    what: "a NUL in a field",
    answer: ok("X: a\0b\r\nContent-Length: 2\r\n", "ok"),
    reads: refused("holds byte 0x00"),
  },
  { what: "no HTTP at all", answer: "hello world", reads: refused("does not start with HTTP") },
];

/** One sidecar in front of the app, or two with mutual TLS between them. */
async function wayTo(t: TestContext, appPort: number, isPair: boolean): Promise<number> {
  const mesh = new TestMesh();
  let endpoint: { port: number; identity?: string } = { port: appPort };
  if (isPair) {
    const app = { port: appPort, protocol: "http" } as const;
    const reviews = await hosted("reviews", { appPort });
    const listener = await inbound(t, reviews, new MemoryRecorder(), undefined, { app });
    const names = { namespace: "shop", workload: "reviews", service: "reviews" };
    endpoint = { port: listener.port, identity: (await authority()).spiffeId(names) };
  }
  mesh.apply(service("reviews"), endpoints("reviews", [endpoint]));
  return (await outbound(t, await hosted("front"), mesh, new MemoryRecorder())).port;
}

for (const isPair of [false, true]) {
  const way = isPair ? "two sidecars" : "one sidecar";
  for (const { what, method = "GET", answer, reads } of cases) {
    test(`${what} is not taken for the next request's answer behind ${way}`, async (t) => {
      const upstream = await rawApp(t, (socket) => {
        socket.setEncoding("latin1").on("data", (text: string) => {
          const isNext = text.includes(" /next ");
          socket.write(isNext ? ok("Content-Length: 4\r\n", "next") : answer, "latin1");
        });
      });
      const client = new RawClient(t, await wayTo(t, upstream.port, isPair));
      client.send(`${method} / HTTP/1.1\r\nHost: reviews\r\n\r\n`);
      client.send("GET /next HTTP/1.1\r\nHost: reviews\r\n\r\n");
      await client.expect(/\r\n\r\nnext$/);
      const [next = ""] =
        /HTTP\/1\.1 200 OK\r\n(?:[^\r]+\r\n)*\r\nnext$/.exec(client.received) ?? [];
      const first = client.received.slice(0, client.received.length - next.length);
      assert.match(first, reads);
    });
  }
}
