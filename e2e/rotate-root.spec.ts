import { existsSync } from "node:fs";
import { findFreePorts, knownClient, knownServer, readKnownLog } from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

/** For what ends by itself; nothing here waits for time to pass. */
const SLOW_MACHINE_MS = 420_000;
const soon = { timeout: 90_000 };

test("the root is rotated from the page, step by step on screen, and nobody's request fails", async ({
  mesh,
  operator,
}) => {
  test.setTimeout(SLOW_MACHINE_MS);
  const log = mesh.file("rotated.log");
  const [port, clientPort] = (await findFreePorts(2)).map(String) as [string, string];
  const args = (service: string, at: string) => ["--service", service, "--port", at, "-n", "shop"];
  const server = mesh.run([...args("turns", port), "--", ...knownServer], {});
  await mesh.untilRegistered("turns");
  const client = mesh.run([...args("turns-caller", clientPort), "--", ...knownClient], {
    HOST_HEADER: "turns",
    RATE: "20",
    LOG_FILE: log,
  });
  const requests = () => (existsSync(log) ? readKnownLog(log) : []);
  const answered = () => requests().filter(({ status }) => status === 200).length;
  await expect.poll(answered, soon).toBeGreaterThan(20);
  const fromMs = Date.now();

  await operator.goto(`${mesh.consoleUrl}/security/certificates`);
  await operator.getByRole("link", { name: "Rotate root" }).click();
  const begin = operator.getByRole("button", { name: "Rotate the root" });
  await expect(begin).toHaveAttribute("aria-disabled", "true"); // until the name is typed
  await operator.getByLabel(/Type the trust domain/).fill("cluster.local");
  await begin.click();
  await expect(operator.getByRole("list", { name: "Steps" })).toContainText("Retiring", soon);
  await expect(operator.getByText(/Last: root, begun .* done/)).toBeVisible({ timeout: 240_000 });
  await expect(operator.getByRole("region", { name: "Authorities" })).toContainText("retired");

  const sent = requests().filter(({ startMs }) => startMs >= fromMs);
  expect(sent.length).toBeGreaterThan(20);
  expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
  for (const child of [client, server]) child.kill("SIGTERM");
});
