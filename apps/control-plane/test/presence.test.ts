import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { PresenceResponse } from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { runControlPlane, tokenFor } from "./running-control-plane.ts";

test("people with the same rule open are told of each other, until they leave it", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const say = async (name: string, page: string, more: object = {}) => {
    const response = await fetch(`http://127.0.0.1:${plane.adminPort}/api/v1/presence`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${await tokenFor("api", "viewer", name)}`,
      },
      body: JSON.stringify({ subject: "VirtualService/shop/reviews", page, ...more }),
    });
    const { others } = (await response.json()) as PresenceResponse;
    return others.map((one) => one.name);
  };
  const [pageOfAda, pageOfBob] = [randomUUID(), randomUUID()];
  assert.deepEqual(await say("ada", pageOfAda), []);
  assert.deepEqual(await say("bob", pageOfBob), ["ada"]);
  assert.deepEqual(await say("ada", pageOfAda), ["bob"]);
  assert.deepEqual(await say("eve", randomUUID(), { subject: "VirtualService/shop/cart" }), []);
  await say("ada", pageOfAda, { isLeft: true });
  assert.deepEqual(await say("bob", pageOfBob), []);
  const { status } = await plane.call("POST", "/presence", { subject: "no such", page: "1" });
  assert.equal(status, 400);
});
