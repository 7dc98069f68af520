import { type Stack, startStack } from "@heddle/testkit";
import { test as base, type Page } from "@playwright/test";

/** `mesh`: the demo mesh, started once for all journeys. `operator`: a page that is logged in. */
export const test = base.extend<{ operator: Page }, { mesh: Stack }>({
  mesh: [
    async ({}, use) => {
      const stack = await startStack();
      await use(stack);
      await stack.stop();
    },
    { scope: "worker", timeout: 240_000 },
  ],
  operator: async ({ page, mesh }, use) => {
    await page.goto(await mesh.loginLink());
    await page.waitForURL(/\/overview/);
    await use(page);
  },
});

export { expect } from "@playwright/test";
