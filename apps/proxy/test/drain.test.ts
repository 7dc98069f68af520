import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "@heddle/testkit";
import { app, RawClient, send } from "./data-path-kit.ts";
import { failingCallerOf } from "./support/failing-caller.ts";

test("finishes requests under way when it drains, closes their connections, and takes no new ones", async (t) => {
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const reviews = await app(t, (_request, response) => {
    arrived.resolve();
    void release.promise.then(() => response.end("done"));
  });
  const { proxy } = await failingCallerOf(t, [reviews.port]);
  const idle = new RawClient(t, proxy.port);
  await new Promise((resolve) => idle.socket.once("connect", resolve));
  const busy = new RawClient(t, proxy.port);
  busy.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await arrived.promise;
  const drained = proxy.drain(5_000);
  await idle.closed();
  await assert.rejects(send(proxy.port, { host: "reviews" }), /ECONNREFUSED/);
  release.resolve();
  assert.match(await busy.closed(), /connection: close[^]*done/i);
  await drained;
});

test("cuts off what has not finished when the drain's time is over", async (t) => {
  const reviews = await app(t, () => {});
  const { proxy } = await failingCallerOf(t, [reviews.port]);
  const busy = new RawClient(t, proxy.port);
  busy.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await waitFor(
    "the request is under way",
    5_000,
    () => reviews.server.listening && busy.socket.bytesWritten > 0,
  );
  await proxy.drain(50);
  assert.equal(await busy.closed(), "");
});
