import { type Browser, expect, type Page } from "@playwright/test";
import { test } from "./mesh-test.ts";

const PASSWORD = "correct horse battery";

test("a new user sets a password, sees what a viewer may not do, and is out when signed out", async ({
  mesh,
  operator: admin,
  browser,
}) => {
  const link = await addUser(admin, mesh.consoleUrl, "vera");
  const vera = await newPage(browser);
  await vera.goto(link);
  await expect(vera.getByRole("heading", { name: "Welcome, vera" })).toBeVisible();
  expect(vera.url()).not.toContain("token"); // neither in the address bar nor in the history
  await vera.getByLabel("Password", { exact: true }).fill("short");
  await vera.getByLabel("Password again", { exact: true }).fill("short");
  await vera.getByRole("button", { name: "Set password and log in" }).click();
  await expect(vera.getByRole("alert").filter({ hasText: "at least 12" })).toBeVisible();
  await vera.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await vera.getByLabel("Password again", { exact: true }).fill(PASSWORD);
  await vera.getByRole("button", { name: "Set password and log in" }).click();
  await vera.waitForURL(/\/overview/);
  const again = await newPage(browser);
  await again.goto(link);
  await expect(again.getByText("This setup link is used or has expired")).toBeVisible();

  await vera.goto(`${mesh.consoleUrl}/rollouts/shop/payments`);
  const rollBack = vera.getByRole("button", { name: /Roll back/ }).first();
  await expect(rollBack).toHaveAttribute("aria-disabled", "true");
  await rollBack.focus();
  await expect(vera.getByText(/Ask an admin for operator on shop/).first()).toBeVisible();
  const refused = await vera.evaluate(async () => {
    const body = JSON.stringify({});
    const headers = { "content-type": "application/json" };
    const path = "/api/v1/canaries/shop/payments/rollback";
    const response = await fetch(path, { method: "POST", body, headers });
    return [response.status, ((await response.json()) as { detail: string }).detail];
  });
  expect(refused).toEqual([
    403,
    "vera can see shop but not change it. Ask an admin for operator on shop.",
  ]);

  const token = await makeToken(vera, mesh.consoleUrl);
  const asScript = (path: string) =>
    fetch(`${mesh.consoleUrl}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  expect((await asScript("/me")).status).toBe(200);
  expect((await asScript("/graph")).status).toBe(200);
  await vera.getByRole("button", { name: "Revoke the e2e script" }).click();
  await vera
    .getByRole("alertdialog")
    .getByRole("button", { name: /Revoke the token/ })
    .click();
  for (const path of ["/me", "/graph"]) {
    await expect.poll(async () => (await asScript(path)).status, { timeout: 10_000 }).toBe(401);
  }

  await vera.goto(`${mesh.consoleUrl}/settings/audit`);
  await admin.getByRole("button", { name: "Change vera" }).click();
  await admin.getByRole("button", { name: "Sign out everywhere" }).click();
  await vera.waitForURL(/\/login\?ended=1/, { timeout: 60_000 });
  await expect(vera.getByText("Your session has ended")).toBeVisible();
  await vera.getByLabel("Name").fill("vera");
  await vera.getByLabel("Password", { exact: true }).fill("a wrong password");
  await vera.getByRole("button", { name: "Log in", exact: true }).click();
  await expect(vera.getByText("Name or password is wrong")).toBeVisible();
  await vera.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await vera.getByRole("button", { name: "Log in", exact: true }).click();
  await vera.waitForURL(/\/settings\/audit/);

  await admin.goto(`${mesh.consoleUrl}/settings/audit?actor=vera&result=refused`);
  await expect(admin.getByRole("row", { name: /canary.rollback refused/ }).first()).toBeVisible();
});

test("no page can be framed, and every script on it carries the page's own nonce", async ({
  mesh,
  operator,
}) => {
  const pages = ["/login", "/setup", "/graph", "/security", "/settings", "/settings/users"];
  for (const path of pages) {
    const response = await operator.goto(mesh.consoleUrl + path);
    const policy = response?.headers()["content-security-policy"] ?? "";
    expect(policy, path).toContain("frame-ancestors 'none'");
    expect(/script-src[^;]*/.exec(policy)?.[0], path).not.toContain("unsafe-inline");
    expect(/style-src [^;]*/.exec(policy)?.[0], path).not.toContain("unsafe-inline");
    expect(response?.headers()["x-frame-options"], path).toBe("DENY");
    expect(response?.headers()["referrer-policy"], path).toBe("no-referrer");
  }
  const cookies = await operator.context().cookies();
  const session = cookies.find(({ name }) => name === "heddle-session");
  expect([session?.httpOnly, session?.sameSite]).toEqual([true, "Strict"]);
});

async function addUser(admin: Page, consoleUrl: string, name: string): Promise<string> {
  await admin.goto(`${consoleUrl}/settings/users`);
  await admin.getByRole("button", { name: "Add a user" }).click();
  await admin.getByLabel("Name", { exact: true }).fill(name);
  await admin.getByRole("button", { name: "Make the user and a setup link" }).click();
  const link = await admin.locator("code[data-secret]").textContent();
  expect(link).toMatch(/\/setup#token=[\w-]{43}$/);
  await admin.getByRole("button", { name: "I have it" }).click();
  return link ?? "";
}

async function makeToken(page: Page, consoleUrl: string): Promise<string> {
  await page.goto(`${consoleUrl}/settings/tokens`);
  await page.getByRole("button", { name: "Make a token" }).click();
  await page.getByLabel("What uses it").fill("the e2e script");
  await page.getByRole("button", { name: "Make the token" }).click();
  const secret = await page.locator("code[data-secret]").textContent();
  expect(secret).toMatch(/^hdt_[\w-]{22}\.[\w-]{43}$/);
  await page.getByRole("button", { name: "I have it" }).click();
  return secret ?? "";
}

/** Another person's browser: nothing of the first one's in it. */
async function newPage(browser: Browser): Promise<Page> {
  return (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
}
