import type { UpPorts } from "../config.ts";
import { portAllocator } from "./ports.ts";

/** Beside the first one's, and apart from what proxies take by themselves. */
const FIRST_FURTHER_PORT = 15_100;

/** One of the control planes that `up` runs. */
export type ControlPlanePorts = {
  /** As logs and messages call it. */
  readonly name: string;
  /** For proxies. */
  readonly control: number;
  /** Its API. */
  readonly admin: number;
};

/** So many control planes: the first on the ports that are set, the others on free ones. */
export async function chooseControlPlanePorts(
  ports: UpPorts,
  count: number,
): Promise<ControlPlanePorts[]> {
  const nextPort = portAllocator(FIRST_FURTHER_PORT, new Set(Object.values(ports)));
  const chosen = [{ name: "control-plane", control: ports.control, admin: ports.controlAdmin }];
  while (chosen.length < count) {
    const name = `control-plane-${chosen.length + 1}`;
    chosen.push({ name, control: await nextPort(), admin: await nextPort() });
  }
  return chosen;
}
