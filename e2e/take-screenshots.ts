// Makes the pictures in docs/images from a living mesh: `npm run screenshots`. Starts the demo shop, lets it run
// until every window is full, then takes each page in light and dark, wide and narrow.
import { mkdirSync, writeFileSync } from "node:fs";
import { findFreePorts, knownClient, knownServer, startStack, waitFor } from "@heddle/testkit";
import { type Browser, chromium, type Page } from "@playwright/test";

const IMAGES = "docs/images";
const pages = [
  { name: "overview", path: "/overview" },
  { name: "graph", path: "/graph?sel=workload/shop/checkout-v1-%3Eworkload/shop/payments-v2" },
  { name: "tcp", path: "/graph?sel=workload/shop/checkout-v1-%3Eworkload/shop/ledger-v1" },
  { name: "canary", path: "/rollouts/shop/payments" },
  { name: "mtls", path: "/security?open=shop/shipping-v3" },
  { name: "certificates", path: "/security/certificates" },
  { name: "history", path: "/history" },
  { name: "rule", path: "/rules/VirtualService/shop/reviews" },
  { name: "proxies", path: "/proxies" },
] as const;
/** Those that matter at night, on a phone. */
const atNight = pages.filter(({ name }) => ["overview", "graph", "canary"].includes(name));
/** Taken last: what it shows is no part of the shop. */
const brokenTwin = {
  name: "endpoints",
  path: "/graph?sel=workload/shop/search-%3Eworkload/shop/index",
} as const;
const sizes = [
  { name: "", width: 1440, height: 900, scale: 1 },
  { name: "-narrow", width: 390, height: 844, scale: 2 },
] as const;

mkdirSync(IMAGES, { recursive: true });
const stack = await startStack();
const executablePath = process.env["CHROMIUM_PATH"];
const browser = await chromium.launch({
  ...(executablePath ? { executablePath } : {}),
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  await waitForSteadyTraffic();
  for (const theme of ["light", "dark"] as const) {
    for (const size of sizes) {
      await photograph(browser, theme, size, size.name === "" ? pages : atNight);
    }
  }
  await runBrokenTwin();
  for (const theme of ["light", "dark"] as const) {
    await photograph(browser, theme, sizes[0], [brokenTwin]);
  }
} finally {
  await browser.close();
  await stack.stop();
}

async function waitForSteadyTraffic() {
  const startedMs = Date.now();
  await waitFor("two minutes of traffic", 180_000, () => Date.now() - startedMs > 120_000);
}

/** Two endpoints of one service, of which one answers nothing but errors and is soon ejected. */
async function runBrokenTwin() {
  const rule = stack.file("index.yaml");
  writeFileSync(
    rule,
    `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: index, namespace: shop }
spec:
  host: index
  trafficPolicy:
    outlierDetection: { consecutive5xxErrors: 5, interval: 5s, baseEjectionTime: 60s, maxEjectionPercent: 50 }
`,
  );
  await stack.heddle("apply", "-f", rule);
  const [port, otherPort, callerPort] = (await findFreePorts(3)).map(String) as [
    string,
    string,
    string,
  ];
  const run = (service: string, at: string, command: readonly string[], env = {}) =>
    stack.run(["--service", service, "--port", at, "-n", "shop", "--", ...command], env);
  run("index", port, knownServer);
  run("index", otherPort, knownServer, { ERROR_EVERY: "1" });
  run("search", callerPort, knownClient, { HOST_HEADER: "index", RATE: "20" });
  await waitFor("an endpoint is ejected", 60_000, async () => {
    const answer = await stack.get("/api/v1/services/shop/index/endpoints");
    return answer.ok && (await answer.text()).includes('"ejected"');
  });
}

async function photograph(
  browser: Browser,
  theme: "light" | "dark",
  size: (typeof sizes)[number],
  shown: readonly { readonly name: string; readonly path: string }[],
) {
  const context = await browser.newContext({
    viewport: { width: size.width, height: size.height },
    deviceScaleFactor: size.scale,
    colorScheme: theme,
  });
  const page = await context.newPage();
  await page.goto(await stack.loginLink());
  await page.waitForURL(/\/overview/);
  for (const { name, path } of shown) {
    await page.goto(`${stack.consoleUrl}${path}`);
    await settle(page);
    await page.screenshot({ path: `${IMAGES}/${name}-${theme}${size.name}.png` });
    process.stdout.write(`${IMAGES}/${name}-${theme}${size.name}.png\n`);
  }
  await context.close();
}

/** Long enough for the stream's first snapshots and the fonts; the pages have no other sign of "at rest". */
async function settle(page: Page) {
  await page.evaluate("document.fonts.ready.then(() => undefined)");
  await page.waitForTimeout(4000);
}
