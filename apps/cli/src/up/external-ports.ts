import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { type Home, writePrivateFile } from "./home.ts";
import { isPortFree } from "./ports.ts";

const Ports = z.record(z.string(), z.number().int());

/** Where the demo's services outside the mesh listen, by host. */
export type ExternalPorts = Readonly<Record<string, number>>;

/** The ports of the last start, of which the mesh was told; others where these are taken or there are none. */
export async function chooseExternalPorts(
  home: Home,
  hosts: readonly string[],
  nextPort: () => Promise<number>,
): Promise<{ readonly ports: ExternalPorts; readonly haveMoved: boolean }> {
  const before = readPorts(home);
  const ports: Record<string, number> = {};
  for (const host of hosts) {
    const known = before[host];
    const isKept = known !== undefined && (await isPortFree(known));
    ports[host] = isKept ? known : await nextPort();
  }
  return { ports, haveMoved: hosts.some((host) => ports[host] !== before[host]) };
}

/** To be called once the mesh has been told. */
export function keepExternalPorts(home: Home, ports: ExternalPorts): void {
  writePrivateFile(fileOf(home), `${JSON.stringify(ports, null, 2)}\n`);
}

function readPorts(home: Home): ExternalPorts {
  const file = fileOf(home);
  if (!existsSync(file)) return {};
  return Ports.parse(JSON.parse(readFileSync(file, "utf8")));
}

function fileOf(home: Home): string {
  return home.path("run", "external-ports.json");
}
