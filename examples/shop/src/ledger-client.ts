import net from "node:net";
import { createInterface } from "node:readline";
import { putLine } from "./ledger-protocol.ts";

/** A connection is given up after this long and a new one opened, as pools of databases do. */
export const CONNECTION_MS = 5000;
const CALL_TIMEOUT_MS = 5000;

/** Writes entries over one connection at a time, through the local port the sidecar keeps for the ledger. */
export class LedgerClient {
  readonly #port: number;
  #connection: LedgerConnection | undefined;
  #entries = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** True when the entry was kept. Never rejects. */
  call(): Promise<boolean> {
    const nowMs = performance.now();
    let connection = this.#connection;
    if (connection === undefined || !connection.isUsable(nowMs)) {
      connection?.end();
      connection = new LedgerConnection(this.#port, nowMs + CONNECTION_MS);
      this.#connection = connection;
    }
    this.#entries += 1;
    return connection.put(this.#entries);
  }

  close(): void {
    this.#connection?.end();
  }
}

class LedgerConnection {
  readonly #socket: net.Socket;
  readonly #untilMs: number;
  readonly #waiting: ((isKept: boolean) => void)[] = [];
  #isGreeted = false;
  #unsent: string[] = [];
  #isEnding = false;

  constructor(port: number, untilMs: number) {
    this.#untilMs = untilMs;
    this.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.setTimeout(CALL_TIMEOUT_MS + CONNECTION_MS, () => this.#socket.destroy());
    createInterface({ input: this.#socket })
      .on("line", (line) => this.#onLine(line))
      .on("error", () => {}); // it passes on the socket's
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("close", () => {
      for (const resolve of this.#waiting.splice(0)) resolve(false);
    });
  }

  isUsable(nowMs: number): boolean {
    return nowMs < this.#untilMs && !this.#socket.destroyed && !this.#isEnding;
  }

  put(entry: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#isGreeted) this.#socket.write(putLine(entry));
      else this.#unsent.push(putLine(entry)); // the ledger speaks first
    });
  }

  /** Closes once the answers that are due have come. */
  end(): void {
    this.#isEnding = true;
    if (this.#waiting.length === 0) this.#socket.end();
  }

  #onLine(line: string): void {
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      for (const unsent of this.#unsent.splice(0)) this.#socket.write(unsent);
      return;
    }
    this.#waiting.shift()?.(line.startsWith("OK "));
    if (this.#isEnding && this.#waiting.length === 0) this.#socket.end();
  }
}
