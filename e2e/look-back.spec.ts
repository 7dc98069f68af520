import { writeFileSync } from "node:fs";
import { expect, test } from "./mesh-test.ts";

const RULE = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: catalog-limits, namespace: shop }
spec:
  host: catalog
  trafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: 64 } } }
`;

test("the graph shows the mesh as it was, and the mesh goes back to that moment", async ({
  mesh,
  operator,
}) => {
  await operator.goto(`${mesh.consoleUrl}/graph`);
  await expect(operator.getByText("catalog").first()).toBeVisible();
  const beforeMs = Date.now();
  const file = mesh.file("catalog-limits.yaml");
  writeFileSync(file, RULE);
  await mesh.heddle("apply", "-f", file);

  await expect(operator.getByRole("button", { name: /catalog-limits/ }).first()).toBeVisible(); // its marker
  await operator.keyboard.press("["); // as it was when the rule came
  const past = operator.getByRole("status").filter({ hasText: "As of" });
  await expect(past).toBeVisible();
  await expect(operator).toHaveURL(/[?&]at=\d+/);
  await operator.keyboard.press(".");
  await expect(past).toBeHidden();
  await expect(operator).not.toHaveURL(/[?&]at=/);

  await operator.goto(`${mesh.consoleUrl}/graph?at=${beforeMs}`);
  await past.getByRole("link", { name: "Restore the mesh to it" }).click();
  await expect(operator.getByText("catalog-limits").first()).toBeVisible(); // what would change
  await operator.getByRole("button", { name: "Restore the mesh", exact: true }).click();
  const question = operator.getByRole("alertdialog", { name: /Restore the whole mesh to/ });
  await question.getByLabel("Why").fill("the limits were too tight");
  await question.getByRole("button", { name: /^Restore the mesh/ }).click();
  await expect(operator.getByText(/Done as revision \d+/)).toBeVisible();
  await expect(operator.getByText("the limits were too tight").first()).toBeVisible();
  const rules = await mesh.heddle("get", "dr", "-n", "shop");
  expect(rules).not.toContain("catalog-limits");
});
