import { writeFileSync } from "node:fs";
import { findFreePorts, knownClient, knownServer, readKnownLog, waitFor } from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

const RULES = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: till, namespace: shop }
spec:
  host: till
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: till, namespace: shop }
spec:
  hosts: [till]
  http:
    - route:
        - { destination: { host: till, subset: v1 }, weight: 80 }
        - { destination: { host: till, subset: v2 }, weight: 20 }
`;

/** Keeps when the browser itself saw the last click: the moment the shown figure counts from. */
const NOTE_CLICKS = `addEventListener("click", (event) => {
  window.lastClickAtMs = performance.timeOrigin + event.timeStamp;
}, { capture: true })`;
const ARRIVAL_ALLOWANCE_MS = 400;

test("J2: one click sends every request back to the stable version, and says how fast", async ({
  mesh,
  operator,
}) => {
  const logs = { v1: mesh.file("till-v1.log"), v2: mesh.file("till-v2.log") };
  const ports = (await findFreePorts(3)).map(String) as [string, string, string];
  for (const [index, version] of (["v1", "v2"] as const).entries()) {
    const args = ["--service", "till", "--version", version, "--namespace", "shop"];
    mesh.run([...args, "--port", ports[index] ?? "", "--", ...knownServer], {
      LOG_FILE: logs[version],
      ERROR_EVERY: version === "v2" ? "3" : "0", // the canary misbehaves
      FAST_MS: "2",
    });
  }
  await mesh.untilRegistered("till");
  const rules = mesh.file("till.yaml");
  writeFileSync(rules, RULES);
  await mesh.heddle("apply", "-f", rules, "--reason", "try till v2");
  const caller = ["--service", "till-caller", "--port", ports[2], "--namespace", "shop"];
  mesh.run([...caller, "--", ...knownClient], {
    HOST_HEADER: "till",
    RATE: "100",
    LOG_FILE: mesh.file("till-caller.log"),
  });
  await waitFor("the canary fails some", 60_000, () => readKnownLog(logs.v2).length > 60);

  await operator.goto(`${mesh.consoleUrl}/rollouts/shop/till`);
  await expect(operator.getByRole("row", { name: /v2/ })).toContainText("Failing");
  await operator.getByRole("button", { name: "Roll back v2" }).click();
  const question = operator.getByRole("alertdialog");
  await expect(question).toContainText("Send all till traffic back to v1?");
  await operator.evaluate(NOTE_CLICKS);
  await question.getByRole("button", { name: /^Roll back to v1/ }).click();
  const answer = operator.getByLabel("Rolled back");
  await expect(answer).toContainText("from click to last canary request");
  const shown = /(-?[\d.]+)\s(ms|s)\b/.exec(await answer.innerText());
  const clickedAtMs = await operator.evaluate<number>("window.lastClickAtMs");
  const shownMs = Number(shown?.[1]) * (shown?.[2] === "s" ? 1000 : 1);

  const v1Before = readKnownLog(logs.v1).length;
  await waitFor("v1 serves all", 30_000, () => readKnownLog(logs.v1).length > v1Before + 500);
  // The app notes a request when its event loop gets to it, on a busy machine well after it was sent.
  const lastAtCanaryMs = Math.max(...readKnownLog(logs.v2).map(({ startMs }) => startMs));
  const boundMs = clickedAtMs + Math.max(0, shownMs) + ARRIVAL_ALLOWANCE_MS;
  expect(
    lastAtCanaryMs,
    `last request at the canary ${lastAtCanaryMs - clickedAtMs} ms after the click, ${shownMs} ms shown`,
  ).toBeLessThanOrEqual(boundMs);
  const later = readKnownLog(logs.v2).filter(({ startMs }) => startMs > boundMs);
  expect(later).toEqual([]);
  test
    .info()
    .annotations.push({ type: "click to last canary request", description: `${shownMs} ms` });

  await operator.getByRole("button", { name: /^Undo, v2 to 20/ }).click();
  const v2Before = readKnownLog(logs.v2).length;
  await waitFor("v2 serves again", 30_000, () => readKnownLog(logs.v2).length > v2Before + 20);
  await operator.goto(`${mesh.consoleUrl}/history`);
  await expect(operator.getByText(/till v2 rolled back to v1/).first()).toBeVisible();
});
