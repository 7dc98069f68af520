import { readFileSync, writeFileSync } from "node:fs";
import { findFreePorts, knownClient, knownServer, readKnownLog, type Stack } from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

const EJECTING = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: twins, namespace: shop }
spec:
  host: twins
  trafficPolicy:
    outlierDetection: { consecutive5xxErrors: 2, interval: 1s, baseEjectionTime: 120s, maxEjectionPercent: 50 }
`;
const FAULTY = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: twins, namespace: shop }
spec:
  hosts: [twins]
  http:
    - fault: { abort: { httpStatus: 503, percentage: { value: 50 } } }
      timeout: 2s
      route: [{ destination: { host: twins } }]
`;

test("the graph names what keeps an endpoint out and who fails requests, as rules come and endpoints heal", async ({
  mesh,
  operator,
}) => {
  const [port, badPort, callerPort] = (await findFreePorts(3)).map(String) as [
    string,
    string,
    string,
  ];
  const badLog = mesh.file("twins-bad.log");
  const callerLog = mesh.file("twins-caller.log");
  await apply(mesh, EJECTING);
  const good = runTwin(mesh, port, {});
  const bad = runTwin(mesh, badPort, { ERROR_EVERY: "1", LOG_FILE: badLog });
  await expect.poll(() => instancesOf(mesh, "twins"), { timeout: 30_000 }).toBe(2);
  const caller = mesh.run(
    ["--service", "twins-caller", "--port", callerPort, "-n", "shop", "--", ...knownClient],
    { HOST_HEADER: "twins", RATE: "20", LOG_FILE: callerLog },
  );

  await operator.goto(`${mesh.consoleUrl}/graph?sel=${edgeId("workload/shop/twins")}`);
  const panel = operator.getByRole("complementary", { name: "twins-caller to twins" });
  const head = operator.getByRole("button", { name: /^twins: / });
  await expect(panel).toContainText("1 of 2 in use");
  await expect(panel).toContainText(
    /Ejected since \d\d:\d\d:\d\d, until \d\d:\d\d:\d\d: 2 times 500 in a row/,
  );
  await expect(head).toHaveAccessibleName(/Circuit breaker open/);
  // It is out indeed: the caller goes on, and nothing reaches it any more.
  const [reached, sent] = [linesOf(badLog), linesOf(callerLog)];
  await expect.poll(() => linesOf(callerLog), { timeout: 10_000 }).toBeGreaterThan(sent + 30);
  expect(linesOf(badLog)).toBe(reached);

  await apply(mesh, FAULTY); // returns once the caller's proxy runs it
  const appliedMs = Date.now();
  await expect(head).toHaveAccessibleName(/Fault injected, Circuit breaker open, Timeout/);
  await expect(head.locator('[title*="VirtualService shop/twins"]')).toHaveCount(2); // fault and timeout
  await expect(panel).toContainText("VirtualService shop/twins");
  await expect(panel).toContainText("ends after 2 s");
  // What the fault ends at its caller reaches no endpoint: a row and an edge of their own.
  await operator.goto(`${mesh.consoleUrl}/graph?sel=${edgeId("service/shop/twins")}`);
  await expect(panel).toContainText("failure injected by a rule (FI)");
  await expect(panel).toContainText("failed on purpose, by a fault rule");
  await expect(panel).toContainText("answers 50 % with 503");
  await expect.poll(() => sinceOf(callerLog, appliedMs).length).toBeGreaterThan(60);
  const since = sinceOf(callerLog, appliedMs);
  const injected = since.filter(({ why }) => why.endsWith("FI"));
  expect(injected.length / since.length).toBeGreaterThan(0.3);
  expect(injected.length / since.length).toBeLessThan(0.7);
  expect(injected[0]?.why).toBe("outbound-proxy; workload=shop/twins-caller FI");

  bad.kill("SIGTERM");
  await expect.poll(() => instancesOf(mesh, "twins"), { timeout: 30_000 }).toBe(1);
  await expect(panel).toContainText("1 in use");
  await expect(panel).not.toContainText("Ejected");
  await expect(head).toHaveAccessibleName(/Circuit breaker, /);

  for (const child of [caller, good]) child.kill("SIGTERM");
});

function edgeId(destination: string): string {
  return encodeURIComponent(`workload/shop/twins-caller->${destination}`);
}

function runTwin(mesh: Stack, port: string, env: Readonly<Record<string, string>>) {
  return mesh.run(["--service", "twins", "--port", port, "-n", "shop", "--", ...knownServer], env);
}

async function apply(mesh: Stack, yaml: string) {
  const file = mesh.file("rules.yaml");
  writeFileSync(file, yaml);
  await mesh.heddle("apply", "-f", file);
}

async function instancesOf(mesh: Stack, service: string): Promise<number> {
  const answer = (await (await mesh.get("/api/v1/workloads")).json()) as {
    workloads: { service: string; instances: { state: string }[] }[];
  };
  return answer.workloads
    .filter((workload) => workload.service === service)
    .flatMap(({ instances }) => instances)
    .filter(({ state }) => state === "connected").length;
}

function linesOf(file: string): number {
  return readFileSync(file, "utf8").split("\n").length - 1;
}

function sinceOf(file: string, fromMs: number) {
  return readKnownLog(file).filter(({ startMs }) => startMs >= fromMs);
}
