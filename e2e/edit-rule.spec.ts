import { writeFileSync } from "node:fs";
import { findFreePorts, knownClient, knownServer, readKnownLog, waitFor } from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

const RULES = `
# Both desks serve.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: desk, namespace: shop }
spec:
  hosts: [desk]
  http:
    - name: everyone
      route:
        - { destination: { host: desk, subset: v1 }, weight: 100 }
        - { destination: { host: desk, subset: v2 }, weight: 0 }
`;

test("a route is edited, its effect seen before, applied, and taken back in History", async ({
  mesh,
  operator,
}) => {
  const logs = { v1: mesh.file("desk-v1.log"), v2: mesh.file("desk-v2.log") };
  const ports = (await findFreePorts(3)).map(String) as [string, string, string];
  for (const [index, version] of (["v1", "v2"] as const).entries()) {
    const args = ["--service", "desk", "--version", version, "--namespace", "shop"];
    mesh.run([...args, "--port", ports[index] ?? "", "--", ...knownServer], {
      LOG_FILE: logs[version],
      FAST_MS: "2",
    });
  }
  await mesh.untilRegistered("desk");
  const rules = mesh.file("desk.yaml");
  writeFileSync(rules, RULES);
  await mesh.heddle("apply", "-f", rules);
  const caller = ["--service", "desk-caller", "--port", ports[2], "--namespace", "shop"];
  mesh.run([...caller, "--", ...knownClient], {
    HOST_HEADER: "desk",
    RATE: "40",
    LOG_FILE: mesh.file("desk-caller.log"),
  });
  await waitFor("v1 serves", 60_000, () => readKnownLog(logs.v1).length > 40);
  expect(readKnownLog(logs.v2)).toEqual([]);

  await operator.goto(`${mesh.consoleUrl}/rules`);
  await operator.getByRole("link", { name: "desk", exact: true }).click();
  await operator.getByLabel("Weight of v2, in percent").fill("100");
  await expect(
    operator.getByText("Draft, 1 change").or(operator.getByText(/^Draft, 2/)),
  ).toBeVisible();
  await expect(operator.getByLabel("YAML of desk")).toContainText("# Both desks serve.");
  const routes = operator.getByRole("region", { name: "Routes of desk, before and after" });
  await expect(routes.getByRole("row", { name: /v2/ })).toContainText("100");

  await operator.reload(); // the draft is still there
  await expect(operator.getByLabel("Weight of v2, in percent")).toHaveValue("100");
  await expect(routes).toBeVisible();
  await operator.keyboard.press("Control+s");
  const question = operator.getByRole("alertdialog");
  await question.getByLabel(/^Why/).fill("everyone to the second desk");
  await question.getByRole("button", { name: /^Apply/ }).click();
  await expect(operator.getByText(/^Applied as revision/)).toBeVisible();
  await waitFor("v2 serves", 30_000, () => readKnownLog(logs.v2).length > 40);

  await operator.goto(`${mesh.consoleUrl}/history`);
  await expect(operator.getByText("everyone to the second desk").first()).toBeVisible();
  const restore = operator.getByRole("region", { name: "Restore" });
  await restore.getByRole("button", { name: /^Take \d+ back/ }).click();
  await operator
    .getByRole("alertdialog")
    .getByRole("button", { name: /^Take \d+ back/ })
    .click();
  const before = readKnownLog(logs.v1).length;
  await waitFor("v1 serves again", 30_000, () => readKnownLog(logs.v1).length > before + 40);
});

test("limits are set by a destination's form: what cannot be is told at the field, and undone by one click", async ({
  mesh,
  operator,
}) => {
  const yaml = () => mesh.heddle("get", "DestinationRule", "reviews", "-n", "shop", "-o", "yaml");
  const before = await yaml();
  await operator.goto(`${mesh.consoleUrl}/rules/DestinationRule/shop/reviews`);
  const limits = operator.getByRole("region", { name: "Connections and limits" });
  const connections = limits.getByRole("textbox", { name: "Connections" });
  await connections.fill("-3");
  await connections.press("Enter");
  await expect(limits.getByText(/non-negative/)).toBeVisible();
  await connections.fill("500");
  await connections.press("Enter");
  await expect(limits.getByText(/non-negative/)).toHaveCount(0);
  await operator.keyboard.press("Control+s");
  await operator
    .getByRole("alertdialog")
    .getByRole("button", { name: /^Apply/ })
    .click();
  await expect(operator.getByText(/^Applied as revision/)).toBeVisible();
  expect(await yaml()).toContain("maxConnections: 500");
  await operator.getByRole("button", { name: "Undo" }).click();
  const withoutRevision = (text: string) => text.replace(/^.*heddle\.dev\/revision.*$/gm, "");
  await expect.poll(async () => withoutRevision(await yaml())).toBe(withoutRevision(before));
});
