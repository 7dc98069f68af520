import { statSync } from "node:fs";
import { findFreePorts, knownClient, knownServer, readKnownLog, waitFor } from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

/** The processes a mesh can live without for a while, by the names of their files in `run/`. */
const PARTS = ["control-plane", "collector", "console", "database"] as const;

/** What design promises to hold; the demo's own traffic comes on top. */
const RATE_PER_SECOND = 1000;
/** A line of the caller's log is longer: "1795290329691 200 2.31 ". */
const LINE_BYTES = 20;

test("no request fails while every other part of the mesh is killed, and all come back", async ({
  mesh,
}) => {
  test.setTimeout(300_000);
  const log = mesh.file("steady.log");
  const [serverPort, clientPort] = (await findFreePorts(2)).map(String) as [string, string];
  mesh.run(["--service", "steady", "--port", serverPort, "--", ...knownServer], { FAST_MS: "2" });
  await mesh.untilRegistered("steady");
  mesh.run(["--service", "steady-caller", "--port", clientPort, "--", ...knownClient], {
    HOST_HEADER: "steady",
    RATE: String(RATE_PER_SECOND),
    LOG_FILE: log,
  });
  const isAnswered = () => readKnownLog(log).filter(({ status }) => status === 200).length > 1000;
  await waitFor("the caller gets answers", 60_000, isAnswered);
  const steadyFromMs = Date.now(); // from here on: before it, the app itself may not have listened yet

  for (const part of PARTS) {
    await test.step(`kill -9 ${part}`, async () => {
      await killAndAwaitReturn([part]);
    });
  }
  await test.step("kill -9 all of them at once", async () => {
    await killAndAwaitReturn(PARTS);
  });

  const untilMs = Date.now();
  await untilTrafficGoesOn(); // what is under way ends
  const requests = readKnownLog(log).filter(
    ({ startMs }) => startMs >= steadyFromMs && startMs < untilMs,
  );
  expect(requests.filter(({ status }) => status !== 200)).toEqual([]);
  const perSecond = (1000 * requests.length) / (untilMs - steadyFromMs);
  expect(perSecond, "requests per second").toBeGreaterThan(0.95 * RATE_PER_SECOND);

  async function killAndAwaitReturn(parts: readonly string[]) {
    const before = new Map(parts.map((part) => [part, mesh.pid(part)]));
    for (const pid of before.values()) process.kill(pid, "SIGKILL");
    for (const [part, pid] of before) {
      await waitFor(`${part} runs again`, 60_000, () => mesh.pid(part) !== pid);
    }
    await waitFor("the mesh answers again", 60_000, async () => {
      await mesh.heddle("check");
      return (await mesh.get("/api/v1/graph")).ok;
    });
    await untilTrafficGoesOn();
  }

  /** For a second, by the size of the log: it is too long to be read again and again. */
  async function untilTrafficGoesOn() {
    const enough = statSync(log).size + RATE_PER_SECOND * LINE_BYTES;
    await waitFor("traffic goes on", 30_000, () => statSync(log).size > enough);
  }
});
