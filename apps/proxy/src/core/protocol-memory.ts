import { formatId, type PortProtocol, type ServiceId } from "@heddle/mesh";

/** What a connection to a port showed it to speak. */
export type FoundProtocol = Extract<PortProtocol, "http" | "http2" | "tcp" | "tls">;
export type ProtocolFound = {
  readonly service: ServiceId;
  readonly port: number;
  readonly protocol: FoundProtocol;
};

/** As many as one message to the control plane may hold. */
const MAX_PORTS = 1_000;

/**
 * What ports of no declared protocol have turned out to speak: looked for once, then taken for granted
 * and told as a suggestion. A later connection that shows another protocol corrects it.
 */
export class ProtocolMemory {
  readonly #found = new Map<string, ProtocolFound>();
  #version = 0;

  /** Grows with everything that is news. */
  get version(): number {
    return this.#version;
  }

  get all(): readonly ProtocolFound[] {
    return [...this.#found.values()];
  }

  /** `undefined`: nobody has spoken to it yet. */
  find(service: ServiceId, port: number): FoundProtocol | undefined {
    return this.#found.get(keyOf(service, port))?.protocol;
  }

  /** Beyond a thousand ports nothing new is remembered: then each connection is looked at. */
  note(service: ServiceId, port: number, protocol: FoundProtocol): void {
    const key = keyOf(service, port);
    const known = this.#found.get(key);
    if (known?.protocol === protocol) return;
    if (known === undefined && this.#found.size >= MAX_PORTS) return;
    this.#found.set(key, { service, port, protocol });
    this.#version++;
  }
}

function keyOf(service: ServiceId, port: number): string {
  return `${formatId(service)}:${port}`;
}
