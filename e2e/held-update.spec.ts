import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { findFreePorts, knownClient, readKnownLog, type Stack, waitFor } from "@heddle/testkit";
import { expect, test } from "./mesh-test.ts";

/** The shortest lease there is, told anew well before its end. */
const LEASE_SECONDS = 5;
const TOLD_EVERY_MS = 1000;

test("a registry that suddenly reports nothing: traffic goes on, the console says why and asks", async ({
  mesh,
  operator,
}) => {
  const apps = [await startApp(), await startApp()];
  const stopTelling = tellRegistry(mesh, "depot", apps);
  const log = mesh.file("depot-caller.log");
  const [port] = (await findFreePorts(1)).map(String) as [string];
  const caller = mesh.run(
    ["--service", "depot-caller", "--port", port, "--namespace", "shop", "--", ...knownClient],
    { HOST_HEADER: "depot", RATE: "20", LOG_FILE: log },
  );
  const statusesSince = (fromMs: number) =>
    readKnownLog(log).flatMap(({ startMs, status }) => (startMs >= fromMs ? [status] : []));
  const untilServed = (fromMs: number) =>
    waitFor("the caller is served", 60_000, () => statusesSince(fromMs).at(-1) === 200);
  try {
    await waitFor("the caller has its log", 60_000, () => hasFile(log));
    await untilServed(0);
    const steadyFromMs = Date.now();

    stopTelling();
    await operator.goto(`${mesh.consoleUrl}/overview`);
    const held = operator.getByRole("region", { name: "Held updates" });
    await expect(held).toContainText(/depot keeps \d\sendpoints? the registry would have let go/);
    await expect(operator.getByRole("link", { name: /1 held/ })).toBeVisible();
    const heldMs = Date.now();
    await waitFor("traffic goes on", 30_000, () => statusesSince(heldMs).length > 60);
    expect(statusesSince(steadyFromMs).filter((status) => status !== 200)).toEqual([]);

    await held.getByRole("button", { name: /^Keep/ }).click();
    await expect(held).toContainText("said so");
    await expect(operator.getByRole("link", { name: /1 held/ })).toBeHidden();

    await held.getByRole("button", { name: /^Let/ }).click();
    const question = operator.getByRole("alertdialog", { name: /of depot go\?/ });
    await expect(question).toContainText("Nobody would serve depot then");
    await question.getByRole("button", { name: /^Let/ }).click();
    await expect(held).toBeHidden();
    const letGoMs = Date.now();
    await waitFor("the caller hears that nobody is there", 30_000, () =>
      statusesSince(letGoMs).includes(503),
    );

    const stopTellingAgain = tellRegistry(mesh, "depot", apps); // it is back, without anybody's doing
    await untilServed(Date.now());
    stopTellingAgain();
    await Promise.all(apps.map((_, index) => askRegistry(mesh, "DELETE", `depot-${index + 1}`)));
  } finally {
    stopTelling();
    caller.kill("SIGTERM"); // nobody is to find it failing in what follows
    for (const app of apps) app.closeAllConnections();
    for (const app of apps) app.close();
  }
});

function hasFile(path: string): boolean {
  return readFileSync(path, { flag: "a+" }).length > 0;
}

/** An app that serves whatever the registry says of it. */
async function startApp(): Promise<Server> {
  const server = createServer((_request, response) => response.end("depot\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Registers the apps as a script of their host would, again and again, until told to stop. */
function tellRegistry(mesh: Stack, service: string, apps: readonly Server[]): () => void {
  const tell = () =>
    apps.forEach((app, index) => {
      const { port } = app.address() as AddressInfo;
      const said = { service, address: "127.0.0.1", port, leaseSeconds: LEASE_SECONDS };
      void askRegistry(mesh, "PUT", `${service}-${index + 1}`, said);
    });
  tell();
  const timer = setInterval(tell, TOLD_EVERY_MS);
  return () => clearInterval(timer);
}

async function askRegistry(mesh: Stack, method: string, name: string, body?: object) {
  const { apiUrl, token } = JSON.parse(readFileSync(mesh.file("credentials.json"), "utf8")) as {
    apiUrl: string;
    token: string;
  };
  const response = await fetch(new URL(`/api/v1/registry/instances/shop/${name}`, apiUrl), {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  expect(response.ok, `${method} ${name}: ${response.status} ${await response.text()}`).toBe(true);
}
