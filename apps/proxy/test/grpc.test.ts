import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { type Client, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { Echo, type EchoHandlers, grpcApp, grpcClient } from "./grpc-kit.ts";

const WAYS = [
  "straight to the app",
  "through two sidecars",
  "through two sidecars by HTTP/1.1",
] as const;
type Way = (typeof WAYS)[number];

/** `front` calling the gRPC service `echo`. */
async function wayTo(t: TestContext, handlers: EchoHandlers, way: Way) {
  const app = await grpcApp(t, handlers);
  const received = new MemoryRecorder();
  let endpoint: { port: number; identity?: string } = { port: app.port };
  if (way !== "straight to the app") {
    const workload = await hosted("echo", { appPort: app.port });
    const listener = await inbound(t, workload, received, undefined, {
      app: { port: app.port, protocol: "grpc" },
    });
    const names = { namespace: "shop", workload: "echo", service: "echo" };
    endpoint = { port: listener.port, identity: (await authority()).spiffeId(names) };
  }
  const mesh = new TestMesh();
  mesh.apply(
    service("echo", { ports: [{ number: 50_051, protocol: "grpc" }] }),
    endpoints("echo", [endpoint]),
  );
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder, {
    host: "echo:50051",
    ...(way === "through two sidecars by HTTP/1.1" && { muxConnections: 0 }),
  });
  const client = grpcClient(t, proxy.port, "echo:50051");
  return { client, recorder, received, app, mesh, proxy };
}

function unary(
  client: Client,
  message: Buffer,
  options: { deadlineMs?: number; metadata?: Metadata } = {},
): Promise<{ answer: Buffer; trailers: Metadata }> {
  const { path, requestSerialize, responseDeserialize } = Echo.unary;
  return new Promise((resolve, reject) => {
    let trailers = new Metadata();
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      options.metadata ?? new Metadata(),
      options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
      (error: ServiceError | null, answer?: Buffer) =>
        error === null && answer !== undefined
          ? setImmediate(() => resolve({ answer, trailers }))
          : reject(error),
    );
    call.on("status", ({ metadata }) => {
      trailers = metadata;
    });
  });
}

function failure(call: Promise<unknown>): Promise<ServiceError> {
  return call.then(
    () => assert.fail("the call has not failed"),
    (error: ServiceError) => error,
  );
}

const chat = (client: Client) => {
  const { path, requestSerialize, responseDeserialize } = Echo.chat;
  return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
};

for (const way of WAYS) {
  test(`carries a unary call ${way}, with metadata both ways and its status in the metrics`, async (t) => {
    const { client, recorder, received } = await wayTo(
      t,
      {
        unary: (call, done) => {
          const trailers = new Metadata();
          trailers.set("x-cost", "7");
          trailers.set("x-bytes-bin", Buffer.from([0, 255, 10, 13]));
          done(
            null,
            Buffer.concat([Buffer.from(call.metadata.get("x-who").join()), call.request]),
            trailers,
          );
        },
      },
      way,
    );
    const metadata = new Metadata();
    metadata.set("x-who", "me");
    const { answer, trailers } = await unary(client, Buffer.from(" and you"), { metadata });
    assert.equal(answer.toString(), "me and you");
    assert.deepEqual(trailers.get("x-cost"), ["7"]);
    assert.deepEqual(trailers.get("x-bytes-bin"), [Buffer.from([0, 255, 10, 13])]);
    for (const each of way === "straight to the app" ? [recorder] : [recorder, received]) {
      const { labels } = await each.find(() => true);
      assert.deepEqual(
        [labels.protocol, labels.grpcStatus, labels.responseCode],
        ["grpc", "0", 200],
      );
    }
  });

  test(`carries messages of 4 MiB each way ${way}`, async (t) => {
    const { client } = await wayTo(t, { unary: (call, done) => done(null, call.request) }, way);
    const big = randomBytes(4 * 1_048_576);
    const { answer } = await unary(client, big);
    assert.ok(answer.equals(big));
  });

  test(`streams both ways at once ${way}`, async (t) => {
    const { client } = await wayTo(
      t,
      {
        chat: (call) => {
          call.on("data", (message: Buffer) => call.write(message));
          call.on("end", () => call.end());
        },
      },
      way,
    );
    const call = chat(client);
    for (const word of ["one", "two", "three"]) {
      call.write(Buffer.from(word));
      const [said] = (await once(call, "data")) as [Buffer];
      assert.equal(said.toString(), word);
    }
    const over = once(call, "status");
    call.end();
    const [{ code }] = (await over) as [{ code: number }];
    assert.equal(code, status.OK);
  });

  test(`streams from the server ${way} no faster than its reader takes it`, async (t) => {
    let written = 0;
    const piece = randomBytes(65_536);
    const count = 400;
    const { client } = await wayTo(
      t,
      {
        download: (call) => {
          const more = () => {
            while (written < count) {
              written++;
              if (!call.write(piece)) {
                call.once("drain", more);
                return;
              }
            }
            call.end();
          };
          more();
        },
      },
      way,
    );
    const { path, requestSerialize, responseDeserialize } = Echo.download;
    const call = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.alloc(0),
    );
    await once(call, "data");
    call.pause();
    for (let last = -1; last !== written; ) {
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    assert.ok(written < count, "everything was taken though nobody reads");
    let received = 1;
    call.on("data", (message: Buffer) => {
      if (message.equals(piece)) received++;
    });
    call.resume();
    await once(call, "end");
    assert.ok(received >= count - 1 && received <= count, `${received} of ${count}`);
  });

  test(`streams from the client ${way} and answers once`, async (t) => {
    const { client } = await wayTo(
      t,
      {
        upload: (call, done) => {
          let size = 0;
          call.on("data", (message: Buffer) => {
            size += message.length;
          });
          call.on("end", () => done(null, Buffer.from(String(size))));
        },
      },
      way,
    );
    const { path, requestSerialize, responseDeserialize } = Echo.upload;
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      const call = client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        (error: ServiceError | null, message?: Buffer) =>
          error === null ? resolve(message) : reject(error),
      );
      for (let i = 0; i < 50; i++) call.write(Buffer.alloc(100_000));
      call.end();
    });
    assert.equal(answer?.toString(), "5000000");
  });

  test(`passes an error without a body on ${way}, and says whose it is`, async (t) => {
    const { client, recorder } = await wayTo(
      t,
      {
        unary: (_call, done) =>
          done({ code: status.FAILED_PRECONDITION, details: "not today, schön" }),
      },
      way,
    );
    const error = await failure(unary(client, Buffer.alloc(1)));
    assert.equal(error.code, status.FAILED_PRECONDITION);
    assert.equal(error.details, "not today, schön");
    const { labels } = await recorder.find(() => true);
    assert.deepEqual([labels.responseCode, labels.grpcStatus], [200, "9"]);
  });

  test(`ends a call at its deadline ${way}, for the server too`, async (t) => {
    const cancelled = Promise.withResolvers<void>();
    const deadlines: string[] = [];
    const { client } = await wayTo(
      t,
      {
        unary: (call) => {
          deadlines.push(String(call.getDeadline()));
          call.on("cancelled", () => cancelled.resolve());
        },
      },
      way,
    );
    // On a busy machine a first call may be over before the server has heard of it.
    do {
      const error = await failure(unary(client, Buffer.alloc(1), { deadlineMs: 200 }));
      assert.equal(error.code, status.DEADLINE_EXCEEDED);
    } while (deadlines.length === 0);
    await cancelled.promise;
    assert.notEqual(deadlines[0], "Infinity");
  });

  test(`a cancelled stream is cancelled at the server ${way}`, async (t) => {
    const cancelled = Promise.withResolvers<void>();
    const { client, recorder } = await wayTo(
      t,
      {
        chat: (call) => {
          call.write(Buffer.from("hello"));
          call.on("cancelled", () => cancelled.resolve());
        },
      },
      way,
    );
    const call = chat(client);
    call.on("error", () => {});
    await once(call, "data");
    call.cancel();
    await cancelled.promise;
    const { labels } = await recorder.find(() => true);
    assert.equal(labels.responseFlags, "DC");
  });

  test(`tells a call that nobody serves as UNAVAILABLE, with the reason (${way})`, async (t) => {
    const { client, recorder, app } = await wayTo(
      t,
      { unary: (_c, done) => done(null, Buffer.alloc(0)) },
      way,
    );
    await unary(client, Buffer.alloc(1));
    app.server.forceShutdown();
    const error = await failure(unary(client, Buffer.alloc(1)));
    assert.equal(error.code, status.UNAVAILABLE);
    assert.match(error.details, /(in|out)bound-proxy; workload=shop\//);
    const flags = String(error.metadata.get("x-heddle-flags"));
    assert.match(flags, /^U[FCR]/);
    const { labels } = await recorder.find((record) => record.labels.grpcStatus === "14");
    assert.equal(labels.responseCode, 200);
  });
}
