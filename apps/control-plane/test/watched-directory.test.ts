import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type {
  EndpointsResource,
  HoldResponse,
  HoldsResponse,
  RegistrySource,
  RegistrySourcesResponse,
  ResourcesResponse,
  RevisionsResponse,
} from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { join as joinMesh, StreamClient } from "./stream-client.ts";

const DEADLINE_MS = 30_000;

/** A database without a proxy, as a WorkloadEntry. */
const entry = (name: string, address: string) => `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name}, namespace: shop }
spec: { address: ${address}, ports: { tcp: 5432 }, labels: { app: db } }
`;

async function startWatching(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "heddle-registry-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const registryDirectory = join(folder, "registry");
  await mkdir(registryDirectory, { mode: 0o755 });
  const plane = await runControlPlane(t, (await startDatabase(t)).url, { registryDirectory });
  return { plane, directory: registryDirectory };
}

async function call(t: TestContext, plane: RunningControlPlane) {
  const own = await joinMesh(plane.controlPort, await plane.joinToken());
  return StreamClient.open(t, plane.controlPort, own, {
    subscriptions: [{ namespace: "shop", host: "db" }],
  });
}

/** The addresses a proxy has been told last; `undefined`: nothing yet. */
function told(client: StreamClient): string | undefined {
  const all = client.received.flatMap((message) =>
    message.type === "push" ? message.upserts : [],
  );
  const found = all.findLast(({ key }) => key === "endpoints/shop/db") as
    | EndpointsResource
    | undefined;
  return found?.endpoints
    .map(({ address }) => address)
    .sort()
    .join();
}

async function sourceOf(plane: RunningControlPlane): Promise<RegistrySource | undefined> {
  const { body } = await plane.call<RegistrySourcesResponse>("GET", "/registry/sources");
  return body.sources.find(({ kind }) => kind === "directory");
}

function untilSource(
  plane: RunningControlPlane,
  what: string,
  is: (source: RegistrySource) => boolean,
): Promise<RegistrySource> {
  return waitFor(what, DEADLINE_MS, async () => {
    const source = await sourceOf(plane);
    return source && is(source) ? source : undefined;
  });
}

async function holdsOf(plane: RunningControlPlane): Promise<HoldsResponse["holds"]> {
  return (await plane.call<HoldsResponse>("GET", "/holds")).body.holds;
}

test("files of a watched directory are endpoints, shown with where they come from and changed there alone", async (t) => {
  const { plane, directory } = await startWatching(t);
  const caller = await call(t, plane);
  await writeFile(
    join(directory, "db.yaml"),
    `${entry("db-1", "10.0.0.1")}---\n${entry("db-2", "10.0.0.2")}`,
  );
  await waitFor("the caller to know both", DEADLINE_MS, () => told(caller) === "10.0.0.1,10.0.0.2");
  const { resources } = (await plane.call<ResourcesResponse>("GET", "/resources")).body;
  assert.deepEqual(
    resources.map(({ name, revision, origin }) => [name, revision, origin]),
    ["db-1", "db-2"].map((name, at) => [
      name,
      0,
      { source: `directory ${directory}`, file: "db.yaml", line: at === 0 ? 1 : 6 },
    ]),
  );
  const source = await untilSource(plane, "it to be read", ({ count }) => count === 2);
  assert.deepEqual([source.state, source.faults, source.holds], ["ok", [], []]);
  const refused = await plane.call("DELETE", "/resources/WorkloadEntry/shop/db-1");
  assert.deepEqual([refused.status, refused.body.code], [409, "HEDDLE_CHANGE_REFUSED"]);
  assert.match(
    refused.body.detail,
    /comes from directory .*, file db\.yaml, and is taken away there/,
  );

  // an applied document of the same name goes before, and the source says so
  const applied = await plane.apply(entry("db-1", "10.0.0.9"));
  assert.equal(applied.status, 200);
  await waitFor("the applied one to hold", DEADLINE_MS, () => told(caller) === "10.0.0.2,10.0.0.9");
  const shadowed = await untilSource(
    plane,
    "the clash to be told",
    ({ faults }) => faults.length === 1,
  );
  assert.deepEqual([shadowed.faults[0]?.file, shadowed.faults[0]?.line], ["db.yaml", 1]);
  assert.match(
    shadowed.faults[0]?.message ?? "",
    /WorkloadEntry shop\/db-1 was applied \(revision 1\) too, and that one holds/,
  );
  await plane.call("DELETE", "/resources/WorkloadEntry/shop/db-1");
  await waitFor(
    "the file's to hold again",
    DEADLINE_MS,
    () => told(caller) === "10.0.0.1,10.0.0.2",
  );
  const revisions = (await plane.call<RevisionsResponse>("GET", "/revisions")).body.revisions;
  assert.equal(revisions.length, 2, "what a source says is no revision of anybody's");
});

test("a faulty file keeps what it said last, and is shown with line and reason", async (t) => {
  const { plane, directory } = await startWatching(t);
  const caller = await call(t, plane);
  const file = join(directory, "db.yaml");
  await writeFile(file, entry("db-1", "10.0.0.1"));
  await waitFor("the caller to know it", DEADLINE_MS, () => told(caller) === "10.0.0.1");
  await writeFile(
    file,
    `# ten ports too many\n${entry("db-1", "10.0.0.7").replace("5432", "99999")}`,
  );
  const failing = await untilSource(plane, "the fault", ({ faults }) => faults.length > 0);
  assert.deepEqual(
    [failing.state, failing.faults[0]?.file, failing.faults[0]?.line],
    ["failing", "db.yaml", 5],
  );
  assert.match(
    failing.faults[0]?.message ?? "",
    /WorkloadEntry shop\/db-1.*99999.*port must be between 1-65535/,
  );
  assert.equal(told(caller), "10.0.0.1");

  // what a directory may not say, a link out of it, and a file of another kind
  await writeFile(
    join(directory, "route.yaml"),
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: db, namespace: shop }\nspec: { hosts: [db], http: [{ route: [{ destination: { host: db } }] }] }\n",
  );
  await symlink("/etc/hostname", join(directory, "out.yaml"));
  const more = await untilSource(plane, "all faults", ({ faults }) => faults.length === 3);
  const messages = more.faults.map(({ message }) => message).join("\n");
  assert.match(messages, /VirtualService shop\/db is none of WorkloadEntry, ServiceEntry, Service/);
  assert.match(messages, /is a link to a place outside the directory/);

  // as editors write: another file is renamed to the name
  await unlink(join(directory, "route.yaml"));
  await unlink(join(directory, "out.yaml"));
  await writeFile(join(directory, ".db.yaml.swp"), entry("db-1", "10.0.0.3"));
  await rename(join(directory, ".db.yaml.swp"), file);
  await waitFor("the new content", DEADLINE_MS, () => told(caller) === "10.0.0.3");
  await untilSource(plane, "all to be well", ({ state }) => state === "ok");
  const seen = caller.received.flatMap((message) =>
    message.type === "push" ? message.upserts : [],
  );
  const empty = seen.filter((one) => one.kind === "endpoints" && one.endpoints.length === 0);
  assert.ok(empty.length <= 1, "but for the first answer the caller never saw it empty");

  await chmod(directory, 0o777);
  const open = await untilSource(plane, "the open door", ({ state }) => state === "failing");
  assert.match(open.faults[0]?.message ?? "", /everybody on this host may write.*chmod o-w/);
  assert.equal(told(caller), "10.0.0.3");
});

test("an emptied directory is held and asks; what comes back ends that, a yes lets it go", async (t) => {
  const { plane, directory } = await startWatching(t);
  const caller = await call(t, plane);
  const files = ["db-1", "db-2", "db-3"].map((name, at) => ({
    path: join(directory, `${name}.yaml`),
    text: entry(name, `10.0.0.${at + 1}`),
  }));
  const fill = () => Promise.all(files.map(({ path, text }) => writeFile(path, text)));
  const all = "10.0.0.1,10.0.0.2,10.0.0.3";
  await fill();
  await waitFor("the caller to know all", DEADLINE_MS, () => told(caller) === all);

  await Promise.all(files.map(({ path }) => unlink(path)));
  const held = await waitFor("it to be held", DEADLINE_MS, async () => (await holdsOf(plane))[0]);
  assert.deepEqual(
    [
      held.cause,
      held.source,
      held.service,
      held.endpointsBefore,
      held.endpointsAfter,
      held.held.length,
    ],
    ["source", `directory ${directory}`, "shop/db", 3, 0, 3],
  );
  assert.equal(told(caller), all);
  assert.deepEqual((await sourceOf(plane))?.holds, [held.id]);
  await fill();
  await waitFor(
    "the hold to end by itself",
    DEADLINE_MS,
    async () => (await holdsOf(plane)).length === 0,
  );

  // restarted while the directory is away: what was said last stands in the database
  await plane.restart({ meanwhile: () => rename(directory, `${directory}.away`) });
  const again = await call(t, plane);
  await waitFor("the caller to know all again", DEADLINE_MS, () => told(again) === all);
  const away = await waitFor(
    "it to be held again",
    DEADLINE_MS,
    async () => (await holdsOf(plane))[0],
  );
  assert.match(away.words, /it is not there \(ENOENT\)/);
  assert.equal((await sourceOf(plane))?.state, "failing");
  assert.equal((await plane.callAs("viewer", "POST", `/holds/${away.id}/confirm`)).status, 403);
  const kept = await plane.callAs<HoldResponse>("operator", "POST", `/holds/${away.id}/dismiss`);
  assert.equal(kept.status, 200);
  assert.equal((await holdsOf(plane))[0]?.dismissed?.by, "ada");
  await rename(`${directory}.away`, directory);
  await waitFor(
    "the directory's return to end it",
    DEADLINE_MS,
    async () => (await holdsOf(plane)).length === 0,
  );

  await Promise.all(files.slice(1).map(({ path }) => unlink(path)));
  const most = await waitFor("most to be held", DEADLINE_MS, async () => (await holdsOf(plane))[0]);
  assert.deepEqual([most.endpointsBefore, most.endpointsAfter, most.held.length], [3, 1, 2]);
  const reason = "both were sold";
  const answer = await plane.callAs<HoldResponse>("operator", "POST", `/holds/${most.id}/confirm`, {
    reason,
  });
  assert.ok(answer.body.revision > 0, JSON.stringify(answer.body));
  await waitFor("they to go", DEADLINE_MS, () => told(again) === "10.0.0.1");
  const { revisions } = (await plane.call<RevisionsResponse>("GET", "/revisions")).body;
  assert.deepEqual(
    [revisions[0]?.kind, revisions[0]?.author, revisions[0]?.reason, revisions[0]?.services],
    ["registry", "ada", reason, ["shop/db"]],
  );
  await waitFor("nothing to be held", DEADLINE_MS, async () => (await holdsOf(plane)).length === 0);
});
