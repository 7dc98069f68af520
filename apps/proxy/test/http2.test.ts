import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { type TestContext, test } from "node:test";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  service,
  TestMesh,
} from "./data-path-kit.ts";

type Http2Answer = {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
};

function connect(t: TestContext, port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  t.after(() => session.destroy());
  return session;
}

async function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Buffer | string,
): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on("trailers", (given) => {
    trailers = given;
  });
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  if (body !== undefined) stream.end(body);
  const [answered] = (await once(stream, "response")) as [Http2Answer["headers"]];
  if (!stream.readableEnded) await once(stream, "end");
  return {
    status: answered[":status"] ?? 0,
    headers: answered,
    trailers,
    body: Buffer.concat(parts),
  };
}

test("serves an HTTP/2 client whose service speaks HTTP/1.1", async (t) => {
  const upstream = await app(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      response.setHeader("x-seen", `${request.method} ${request.url} ${request.headers.host}`);
      response.setHeader("x-cookie", request.headers.cookie ?? "none");
      response.end(Buffer.concat(parts));
    });
  });
  const listener = await inbound(
    t,
    await hosted("reviews", { appPort: upstream.port }),
    new MemoryRecorder(),
  );
  const identity = (await authority()).spiffeId({
    namespace: "shop",
    workload: "reviews",
    service: "reviews",
  });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: listener.port, identity }]));
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  const session = connect(t, proxy.port);
  const got = await ask(session, {
    ":path": "/a?b=c",
    ":authority": "reviews",
    cookie: ["x=1", "y=2"],
  });
  assert.equal(got.status, 200);
  assert.equal(got.headers["x-seen"], "GET /a?b=c reviews");
  assert.equal(got.headers["x-cookie"], "x=1; y=2");
  assert.deepEqual(got.headers["set-cookie"], ["a=1", "b=2"]);
  const posted = await ask(
    session,
    { ":method": "POST", ":path": "/", ":authority": "reviews" },
    "hello",
  );
  assert.equal(posted.body.toString(), "hello");
  const big = Buffer.alloc(3_000_000, 7);
  assert.deepEqual(
    (await ask(session, { ":method": "PUT", ":path": "/", ":authority": "reviews" }, big)).body,
    big,
  );
  const lost = await ask(session, { ":path": "/", ":authority": "nobody.shop.svc" });
  assert.equal(lost.status, 503);
  const record = await recorder.find(({ labels }) => labels.responseCode === 200);
  assert.equal(record.labels.destination.workload, "reviews");
});
