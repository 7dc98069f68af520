import { defineConfig } from "@playwright/test";

const executablePath = process.env["CHROMIUM_PATH"];

// One worker: the journeys share one mesh, started once, and two browsers would fight for two cores.
export default defineConfig({
  testDir: ".",
  workers: 1,
  fullyParallel: false,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  outputDir: "../test-results/e2e",
  reporter: [["list"]],
  use: {
    viewport: { width: 1440, height: 900 },
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
