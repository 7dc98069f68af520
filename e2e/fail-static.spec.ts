import {
  findFreePorts,
  type KnownRequest,
  knownClient,
  knownServer,
  readKnownLog,
  waitFor,
} from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

/** The processes a mesh can live without for a while, by the names of their files in `run/`. */
const PARTS = ["control-plane", "collector", "console", "database"] as const;

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
    RATE: "100",
    LOG_FILE: log,
  });
  await waitFor("the caller gets answers", 60_000, () => answered(log).length > 100);
  const steadyFromMs = Date.now(); // from here on: before it, the app itself may not have listened yet

  for (const part of PARTS) {
    await test.step(`kill -9 ${part}`, async () => {
      await killAndAwaitReturn([part]);
    });
  }
  await test.step("kill -9 all of them at once", async () => {
    await killAndAwaitReturn(PARTS);
  });

  const requests = readKnownLog(log).filter(({ startMs }) => startMs >= steadyFromMs);
  expect(requests.length).toBeGreaterThan(1000);
  expect(requests.filter(({ status }) => status !== 200)).toEqual([]);

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
    const answered = readKnownLog(log).length;
    await waitFor("traffic goes on", 10_000, () => readKnownLog(log).length > answered + 100);
  }
});

function answered(log: string): KnownRequest[] {
  return readKnownLog(log).filter(({ status }) => status === 200);
}
