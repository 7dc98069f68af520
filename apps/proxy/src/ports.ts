import { PortTakenError } from "@heddle/runtime";
import { z } from "zod";
import type { DataFolder } from "./control/data-folder.ts";

const PORTS_FILE = "ports.json";
const SavedPorts = z.record(z.string(), z.int().min(1).max(65_535));

/**
 * Which ports to listen on. A port given in the configuration is taken or refused; one left open is
 * the one of the last run, else the default, else any free one: so apps that were told a port find it
 * again after a restart.
 */
export class Ports {
  readonly taken = new Set<number>();
  readonly #data: DataFolder;
  readonly #saved: Record<string, number>;

  private constructor(data: DataFolder, saved: Record<string, number>) {
    this.#data = data;
    this.#saved = saved;
  }

  static async load(data: DataFolder): Promise<Ports> {
    return new Ports(data, (await data.read(PORTS_FILE, SavedPorts)) ?? {});
  }

  /**
   * Calls `start` with one port after another until it does not fail with EADDRINUSE. Throws
   * `PortTakenError` when a configured port is in use.
   */
  async listen<T extends { readonly port: number }>(
    wish: {
      readonly purpose: string;
      readonly setting: string;
      configured: number;
      standard: number;
    },
    start: (port: number) => Promise<T>,
  ): Promise<T> {
    const saved = this.#saved[wish.purpose];
    const open = [...(saved === undefined ? [] : [saved]), wish.standard, 0];
    const candidates = wish.configured > 0 ? [wish.configured] : [...new Set(open)];
    for (const port of candidates) {
      try {
        const listener = await start(port);
        this.#remember(wish.purpose, listener.port);
        return listener;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      }
    }
    throw new PortTakenError(wish.configured, wish.purpose, wish.setting, undefined);
  }

  #remember(purpose: string, port: number): void {
    this.taken.add(port);
    if (this.#saved[purpose] === port) return;
    this.#saved[purpose] = port;
    this.#data.save(PORTS_FILE, this.#saved);
  }
}
