import { existsSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { findFreePorts, knownClient, knownServer, readKnownLog, type Stack } from "@heddle/testkit";
import type { Locator } from "@playwright/test";
import { expect, test } from "./mesh-test.ts";

const LEGACY_ADDRESS = "127.0.5.19";
const LEGACY_RATE = 4;
/** For what ends by itself; nothing here waits for time to pass. */
const SLOW_MACHINE_MS = 420_000;
const shown = { timeout: 90_000 };

/** Lets somebody else call `safe`, so that whoever is not named is denied. */
const SOMEBODY_ELSE = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: safe-callers, namespace: shop }
spec:
  selector: { matchLabels: { app: safe } }
  action: ALLOW
  rules:
    - from: [{ source: { principals: ["cluster.local/ns/shop/sa/somebody-else"] } }]
`;

test("a plaintext caller stands on screen as it counts itself, and a guarded flip it cannot bear takes itself back", async ({
  mesh,
  operator,
}) => {
  test.setTimeout(SLOW_MACHINE_MS);
  const [port] = (await findFreePorts(1)).map(String) as [string];
  const depot = mesh.run(
    ["--service", "depot", "--port", port, "--namespace", "shop", "--", ...knownServer],
    {},
  );
  await mesh.untilRegistered("depot");
  const legacy = new LegacyCaller(await inboundPortOf(mesh, "depot"));
  await expect.poll(() => legacy.call(), shown).toBe("answered"); // its app listens
  legacy.start();

  await operator.goto(`${mesh.consoleUrl}/security?open=shop/depot&window=300000`);
  const caller = operator
    .getByRole("region", { name: /^Callers of depot/ })
    .getByRole("row", { name: LEGACY_ADDRESS });
  await expect(async () => {
    const rate = await numberIn(caller, 2);
    expect(Math.abs(rate - LEGACY_RATE), `${rate} rps shown`).toBeLessThan(LEGACY_RATE * 0.1);
  }).toPass(shown);
  legacy.stop();
  await expect.poll(() => numberIn(caller, 3), shown).toBe(legacy.answered);

  legacy.start();
  await operator.getByRole("radio", { name: "Strict", exact: true }).click();
  await operator.getByLabel("Guard", { exact: true }).selectOption("30000");
  await operator.getByRole("button", { name: "Set depot STRICT, guarded" }).click();
  const question = operator.getByRole("alertdialog");
  await expect(question).toContainText(/more than 5.requests are refused within 30.s/);
  await question.getByRole("button", { name: /Refuse plaintext to depot/ }).click();
  const ended = operator.getByRole("region", { name: "Taken back" });
  await expect(ended).toContainText(
    new RegExp(
      `depot is PERMISSIVE again: \\d+ requests were refused in .*, all from ${LEGACY_ADDRESS}`,
    ),
    shown,
  );
  const told = Number(/(\d+) requests were refused/.exec(await ended.innerText())?.[1]);
  expect(told).toBeGreaterThan(5);
  expect(told).toBeLessThanOrEqual(legacy.refused);
  await expect(operator.getByRole("row", { name: /depot/ }).first()).toContainText("PERMISSIVE");
  const before = legacy.answered;
  await expect.poll(() => legacy.answered, shown).toBeGreaterThan(before + 5);
  legacy.stop();

  await operator.goto(`${mesh.consoleUrl}/history`);
  await expect(operator.getByText("from its guard").first()).toBeVisible(shown);
  depot.kill("SIGTERM");
});

test("a denied call is on the graph with its policy, and the rule offered there lets it pass", async ({
  mesh,
  operator,
}) => {
  test.setTimeout(SLOW_MACHINE_MS);
  const log = mesh.file("kiosk.log");
  const [port, clientPort] = (await findFreePorts(2)).map(String) as [string, string];
  const safe = mesh.run(
    ["--service", "safe", "--port", port, "-n", "shop", "--", ...knownServer],
    {},
  );
  await mesh.untilRegistered("safe");
  const kiosk = mesh.run(
    ["--service", "kiosk", "--port", clientPort, "-n", "shop", "--", ...knownClient],
    { HOST_HEADER: "safe", RATE: "5", LOG_FILE: log },
  );
  await expect.poll(() => countOf(log, 200), shown).toBeGreaterThan(10);
  const rules = mesh.file("safe.yaml");
  writeFileSync(rules, SOMEBODY_ELSE);
  await mesh.heddle("apply", "-f", rules);
  await expect.poll(() => countOf(log, 403), shown).toBeGreaterThan(10);

  const edge = encodeURIComponent("workload/shop/kiosk->workload/shop/safe");
  await operator.goto(`${mesh.consoleUrl}/graph?sel=${edge}`);
  const panel = operator.getByRole("complementary", { name: "kiosk to safe" });
  await expect(panel).toContainText(/\d+.requests? denied/, shown);
  await expect(panel).toContainText("nearest shop/safe-callers, rule 0");
  await expect(
    operator.getByRole("button", { name: /^kiosk to safe: .*requests denied/ }),
  ).toBeAttached();
  await panel.getByRole("link", { name: "Allow this" }).click();

  const why = operator.getByRole("region", { name: "Why" });
  await expect(why).toContainText("Now it would be refused.", shown);
  await expect(why).toContainText("from[0].source.principals");
  await expect(operator.getByText("sa/kiosk").last()).toBeVisible(); // the rule, before it is applied
  await operator.getByRole("button", { name: "Allow kiosk to safe" }).click();
  const allowed = countOf(log, 200);
  await operator
    .getByRole("alertdialog")
    .getByRole("button", { name: /Allow kiosk to safe/ })
    .click();
  await expect.poll(() => countOf(log, 200), shown).toBeGreaterThan(allowed + 5);
  await expect(why).toContainText("Now it would pass.", shown);

  // Nothing is denied any more: what the page has counted is what the caller has been told.
  const row = operator.getByRole("row", { name: /kiosk to safe/ }).first();
  await expect.poll(() => numberIn(row, 6), shown).toBe(countOf(log, 403));
  for (const child of [kiosk, safe]) child.kill("SIGTERM");
});

/** A program without sidecar that calls straight into an inbound port, from an address of its own, at a known rate. */
class LegacyCaller {
  answered = 0;
  refused = 0;
  readonly #port: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  start(): void {
    this.#timer = setInterval(() => void this.call(), 1000 / LEGACY_RATE);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One request on a connection of its own. */
  call(): Promise<"answered" | "refused"> {
    return new Promise((resolve) => {
      const request = get(
        { agent: false, host: "127.0.0.1", port: this.#port, localAddress: LEGACY_ADDRESS },
        (response) => {
          response.resume();
          response.once("close", () => {
            this.answered += 1;
            resolve("answered");
          });
        },
      );
      request.once("error", () => {
        this.refused += 1;
        resolve("refused");
      });
    });
  }
}

async function inboundPortOf(mesh: Stack, service: string): Promise<number> {
  const answer = (await (await mesh.get("/api/v1/workloads")).json()) as {
    workloads: { service: string; instances: { inboundPort: number }[] }[];
  };
  return answer.workloads.find((one) => one.service === service)?.instances[0]?.inboundPort ?? 0;
}

/** The number a cell of a row begins with. */
async function numberIn(row: Locator, cell: number): Promise<number> {
  const text = await row.getByRole("cell").nth(cell).innerText();
  return Number.parseFloat(text.replaceAll(",", ""));
}

/** How many requests have ended so; 0 while the caller has not begun its log. */
function countOf(log: string, status: number): number {
  if (!existsSync(log)) return 0;
  return readKnownLog(log).filter((one) => one.status === status).length;
}
