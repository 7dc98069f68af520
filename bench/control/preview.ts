import { setTimeout as pause } from "node:timers/promises";
import type { CanaryChangeResponse, PreviewResponse } from "@heddle/contracts";
import type { Mesh } from "@heddle/testkit";
import { type ControlRow, rowOf } from "./results.ts";
import { say } from "./simulated.ts";

const SERVICES = 500;
const CALLERS = 5;
const PREVIEWERS = 2;

/** Must not stand in each other's way: rollbacks, and previews and analyses back to back, with 1000 documents. */
export async function measurePreviews(mesh: Mesh, rounds: number): Promise<ControlRow[]> {
  say(`${SERVICES * 2} documents`);
  const names = Array.from({ length: SERVICES }, (_, index) => `svc-${index}`);
  for (let at = 0; at < SERVICES; at += 100) {
    await mesh.apply(
      names
        .slice(at, at + 100)
        .map((name) => rulesOf(name, 100))
        .join("---\n"),
    );
  }
  await mesh.apply(rulesOf("payments", 100));
  await startProxies(mesh);
  const quiet = await rollBack(mesh, rounds);
  say("previews");
  const previews = new Previewers(mesh, names);
  await previews.firstAnswer;
  const busy = await rollBack(mesh, rounds);
  await previews.end();
  const { tookMs, refused } = previews;
  say(`${tookMs.length} previews, ${refused} turned away`);
  const name = `rollback with ${SERVICES * 2} documents`;
  const busyName = `${name}, previews and analyses back to back`;
  return [
    rowOf(name, "click to the last ack, ms", quiet.acked),
    rowOf(name, "longest wait of the control plane's event loop, ms", quiet.delays),
    rowOf(busyName, "click to the last ack, ms", busy.acked, 100),
    rowOf(busyName, "longest wait of the control plane's event loop, ms", busy.delays),
    rowOf(busyName, "a preview, ms", tookMs),
  ];
}

async function startProxies(mesh: Mesh): Promise<void> {
  const workloads = ["v1", "v2"].map((version) => ({
    ...{ namespace: "bench", service: "payments", version, appPort: 9 },
  }));
  await mesh.startProxy("bench", { name: "payments", workloads });
  for (let index = 0; index < CALLERS; index++) {
    const caller = { namespace: "bench", service: `caller-${index}` };
    const outbounds = [{ host: "payments", localPort: 0 }];
    const workload = { ...caller, outbounds };
    await mesh.startProxy("bench", { name: `caller-${index}`, workloads: [workload] });
  }
}

/** Each round: half of the requests to the canary, and back. */
async function rollBack(mesh: Mesh, rounds: number) {
  const acked: number[] = [];
  const delays: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await mesh.call("POST", "/canaries/bench/payments/weight", { canaryPercent: 50 });
    await pause(200);
    await longestWaitMs(mesh); // begins anew with each reading
    const { body } = await mesh.call<CanaryChangeResponse>(
      "POST",
      "/canaries/bench/payments/rollback",
      { sinceClickMs: 0 },
    );
    if (body.ackedAfterMs === undefined) throw new Error("not all proxies have acked");
    await pause(300);
    delays.push(await longestWaitMs(mesh));
    acked.push(body.ackedAfterMs);
  }
  return { acked, delays };
}

async function longestWaitMs({ controlPlane }: Mesh): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${controlPlane.ready.adminPort}/metrics`);
  const found = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await answer.text())?.[1];
  if (found === undefined) throw new Error("the control plane does not tell its event loop's lag");
  return Number(found) * 1000;
}

/** Some who preview and analyze changes, each the next as soon as the last is answered. */
class Previewers {
  readonly tookMs: number[] = [];
  refused = 0;
  readonly firstAnswer: Promise<void>;
  readonly #mesh: Mesh;
  readonly #names: readonly string[];
  readonly #running: Promise<void>[];
  #isEnding = false;

  constructor(mesh: Mesh, names: readonly string[]) {
    this.#mesh = mesh;
    this.#names = names;
    this.firstAnswer = this.#preview(0);
    this.#running = Array.from({ length: PREVIEWERS }, (_, index) => this.#run(index * 17));
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#running);
  }

  async #run(first: number): Promise<void> {
    await this.firstAnswer;
    for (let index = first; !this.#isEnding; index++) {
      await this.#preview(index);
      const files = [{ name: "rule.yaml", text: this.#rule(index) }];
      await this.#mesh.call("POST", "/analyze", { files });
    }
  }

  async #preview(index: number): Promise<void> {
    const question = { yaml: this.#rule(index) };
    const { status, body } = await this.#mesh.call<PreviewResponse>("POST", "/preview", question);
    if (status === 429) {
      this.refused += 1; // one person may ask once a second
      return;
    }
    if (status !== 200) throw new Error(`a preview answered ${status}: ${JSON.stringify(body)}`);
    this.tookMs.push(body.tookMs);
  }

  #rule(index: number): string {
    return rulesOf(this.#names[index % this.#names.length] ?? "", 60);
  }
}

const rulesOf = (name: string, percent: number) => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: bench }
spec:
  host: ${name}
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: bench }
spec:
  hosts: [${name}]
  http:
    - route:
        - { destination: { host: ${name}, subset: v1 }, weight: ${percent} }
        - { destination: { host: ${name}, subset: v2 }, weight: ${100 - percent} }
`;
