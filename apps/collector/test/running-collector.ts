import type { TestContext } from "node:test";
import type { GraphSnapshot } from "@heddle/contracts";
import { signToken } from "@heddle/runtime";
import {
  type CollectorLimits,
  DEFAULT_LIMITS,
  type RunningCollector,
  startCollector,
} from "../src/collector.ts";

const AUTH_SECRET = "a secret of the tests, thirty-two characters";

export type TestCollector = RunningCollector & {
  get(path: string): Promise<Response>;
  json<T>(path: string): Promise<T>;
  graph(query?: string): Promise<GraphSnapshot>;
  /** The value of one of its own metrics; labels as Prometheus prints them. */
  metric(name: string): Promise<number>;
};

/** A real collector on free loopback ports; stopped when `t` ends. */
export async function runCollector(
  t: TestContext,
  databaseUrl: string,
  limits: CollectorLimits = DEFAULT_LIMITS,
): Promise<TestCollector> {
  const collector = await startCollector(
    {
      databaseUrl,
      authSecret: AUTH_SECRET,
      bindAddress: "127.0.0.1",
      proxyBindAddress: "127.0.0.1",
      otlpPort: 0,
      adminPort: 0,
      logLevel: process.env["TEST_LOG_LEVEL"] ?? "fatal",
    },
    limits,
  );
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= collector.stop());
  t.after(stop);
  const subject = { name: "test", role: "viewer" } as const;
  const token = await signToken(AUTH_SECRET, "api", subject, 600, Date.now());
  const base = `http://127.0.0.1:${collector.adminPort}`;
  const get = (path: string) =>
    fetch(`${base}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const json = async <T>(path: string) => {
    const response = await get(path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  return {
    ...collector,
    stop,
    get,
    json,
    graph: (query = "") => json(`/api/v1/graph${query}`),
    metric: async (name) => {
      const text = await (await fetch(`${base}/metrics`)).text();
      const line = text.split("\n").find((each) => each.startsWith(`${name} `));
      if (line === undefined) throw new Error(`no metric ${name}`);
      return Number(line.slice(name.length + 1));
    },
  };
}
