import type { ApiClient } from "../api/api-client.ts";
import type { UpPorts } from "../config.ts";
import type { Finding } from "./finding.ts";
import { checkHome, checkNode, checkPorts } from "./machine-checks.ts";
import { checkMesh } from "./mesh-checks.ts";

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
