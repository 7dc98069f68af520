import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findFreePorts, knownServer } from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

test("J3: plaintext is accepted under PERMISSIVE, refused under STRICT, accepted again", async ({
  mesh,
  operator,
}) => {
  const [port] = (await findFreePorts(1)).map(String) as [string];
  mesh.run(["--service", "vault", "--port", port, "--namespace", "shop", "--", ...knownServer], {
    APP_NAME: "vault",
  });
  await mesh.untilRegistered("vault");
  const inboundPort = await inboundPortOf("vault");
  // Its proxy joins before the app listens; until then the answer is the proxy's own.
  await expect.poll(() => curl(inboundPort), { timeout: 30_000 }).toBe("vault\n");

  await operator.goto(`${mesh.consoleUrl}/security`);
  const row = operator.getByRole("row", { name: /vault/ }).first();
  await expect(row).toContainText("PERMISSIVE");
  await operator.getByRole("button", { name: "Open vault", exact: true }).click();
  await expect(operator.getByRole("row", { name: /127\.0\.0\.1/ }).first()).toBeVisible(); // the plaintext caller: us
  await operator.getByRole("radio", { name: "Strict", exact: true }).click();
  await operator.getByLabel("Guard", { exact: true }).selectOption("0");
  await operator.getByRole("button", { name: "Set vault STRICT", exact: true }).click();
  await operator
    .getByRole("alertdialog")
    .getByRole("button", { name: /Refuse plaintext to vault/ })
    .click();
  await expect(row).toContainText("STRICT");
  expect(await curl(inboundPort)).toBe("refused"); // 52: the connection was closed without an answer

  const flipBack = operator.getByRole("button", { name: "Set vault PERMISSIVE" });
  await flipBack.click();
  await expect(row).toContainText("PERMISSIVE");
  expect(await curl(inboundPort)).toBe("vault\n");

  await operator.goto(`${mesh.consoleUrl}/history`);
  await expect(operator.getByText(/vault set to STRICT/).first()).toBeVisible();

  async function inboundPortOf(service: string): Promise<number> {
    const answer = (await (await mesh.get("/api/v1/workloads")).json()) as {
      workloads: { service: string; instances: { inboundPort: number }[] }[];
    };
    const workload = answer.workloads.find((one) => one.service === service);
    return workload?.instances[0]?.inboundPort ?? 0;
  }
});

/** What a caller without sidecar gets: the answer's body, or "refused" when the connection is closed on it. */
async function curl(port: number): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("curl", [
      "-sS",
      "-m",
      "10",
      `http://127.0.0.1:${port}/`,
    ]);
    return stdout;
  } catch (error) {
    const code = (error as { code?: number }).code;
    if (code === 52 || code === 56) return "refused"; // empty reply, connection reset
    throw error;
  }
}
