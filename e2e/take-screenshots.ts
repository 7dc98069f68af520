// Makes the pictures in docs/images from a living mesh: `npm run screenshots`. Starts the demo shop, lets it run
// until every window is full, then takes each page in light and dark, wide and narrow.
import { mkdirSync } from "node:fs";
import { startStack, waitFor } from "@heddle/testkit";
import { type Browser, chromium, type Page } from "@playwright/test";

const IMAGES = "docs/images";
const pages = [
  { name: "graph", path: "/graph?sel=workload/shop/checkout-v1-%3Eworkload/shop/payments-v2" },
  { name: "canary", path: "/rollouts/shop/payments" },
  { name: "mtls", path: "/security?open=shop/shipping-v3" },
  { name: "history", path: "/history" },
] as const;
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
    for (const size of sizes) await photograph(browser, theme, size);
  }
} finally {
  await browser.close();
  await stack.stop();
}

async function waitForSteadyTraffic() {
  const startedMs = Date.now();
  await waitFor("two minutes of traffic", 180_000, () => Date.now() - startedMs > 120_000);
}

async function photograph(browser: Browser, theme: "light" | "dark", size: (typeof sizes)[number]) {
  const context = await browser.newContext({
    viewport: { width: size.width, height: size.height },
    deviceScaleFactor: size.scale,
    colorScheme: theme,
  });
  const page = await context.newPage();
  await page.goto(await stack.loginLink());
  await page.waitForURL(/\/graph/);
  for (const { name, path } of pages) {
    if (size.name !== "" && name !== "graph" && name !== "canary") continue; // the two that matter at night
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
