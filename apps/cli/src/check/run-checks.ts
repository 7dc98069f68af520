import type { ApiClient } from "../api/api-client.ts";
import type { UpPorts } from "../config.ts";
import { checkHome, checkNode, checkPorts } from "./machine-checks.ts";
import { checkMesh } from "./mesh-checks.ts";

/** One thing looked at. `advice`: what to do; only where something is to be done. */
export type Finding = {
  readonly state: "ok" | "warn" | "fail";
  readonly what: string;
  readonly advice?: string;
};

export type CheckSubject = {
  readonly homeDir: string | undefined;
  readonly ports: UpPorts;
  openApi(): Promise<ApiClient>;
  readonly nowMs: number;
};

/** All checks, in the order in which one thing needs another; never throws for what it looks for. */
export async function runChecks(subject: CheckSubject): Promise<Finding[]> {
  const mesh = await checkMesh(() => subject.openApi(), subject.nowMs);
  const isRunning = mesh.some(({ state }) => state === "ok");
  return [
    checkNode(process.versions.node),
    ...checkHome(subject.homeDir),
    // While the mesh runs it holds these ports itself.
    ...(isRunning ? [] : await checkPorts(subject.ports)),
    ...mesh,
  ];
}
