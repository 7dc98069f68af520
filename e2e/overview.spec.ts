import { writeFileSync } from "node:fs";
import { findFreePorts, knownClient, knownServer, waitFor } from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: kiosk, namespace: shop }
spec:
  hosts: [kiosk]
  http:
    - route:
        - { destination: { host: kiosk, subset: v1 }, weight: 50 }
        - { destination: { host: kiosk, subset: v2 }, weight: 50 }
`;

type GraphNodes = { nodes: { workload?: string; health: { state: string } }[] };

test("the overview says within 10 s what fails, and leads to the rollback", async ({
  mesh,
  operator,
}) => {
  const ports = (await findFreePorts(3)).map(String) as [string, string, string];
  for (const [index, version] of (["v1", "v2"] as const).entries()) {
    const args = ["--service", "kiosk", "--version", version, "--namespace", "shop"];
    mesh.run([...args, "--port", ports[index] ?? "", "--", ...knownServer], {
      ERROR_EVERY: version === "v2" ? "1" : "0", // the canary answers nothing but errors
      FAST_MS: "2",
    });
  }
  await mesh.untilRegistered("kiosk");
  const rules = mesh.file("kiosk.yaml");
  writeFileSync(rules, RULES);
  await mesh.heddle("apply", "-f", rules);
  await operator.goto(`${mesh.consoleUrl}/overview`);
  await expect(operator.getByRole("heading", { name: /^Worst first/ })).toBeVisible();
  const log = mesh.file("kiosk-caller.log");
  const caller = ["--service", "kiosk-caller", "--port", ports[2], "--namespace", "shop"];
  mesh.run([...caller, "--", ...knownClient], { HOST_HEADER: "kiosk", RATE: "60", LOG_FILE: log });

  // The clock begins when the collector knows: starting processes takes its time on a busy machine.
  await waitFor("the collector calls it failing", 60_000, async () => {
    const answer = await mesh.get("/api/v1/graph?windowMs=30000&view=workload");
    const { nodes } = (await answer.json()) as GraphNodes;
    return nodes.some((one) => one.workload === "kiosk-v2" && one.health.state === "failing");
  });
  // The demo's own canary fails a fifth of few requests; this one fails all of thirty a second.
  const banner = operator.getByRole("alert").filter({ hasText: "fails" });
  await expect(banner).toContainText("kiosk v2 fails", { timeout: 10_000 });
  await expect(banner).toContainText("The app answers 500");
  await banner.getByRole("link", { name: "Roll back v2" }).click();
  await operator.waitForURL(/\/rollouts\/shop\/kiosk/);
  await expect(operator.getByRole("alertdialog")).toContainText(
    "Send all kiosk traffic back to v1?",
  );
  await operator
    .getByRole("alertdialog")
    .getByRole("button", { name: /^Roll back to v1/ })
    .click();
  await expect(operator.getByLabel("Rolled back")).toBeVisible();
});
