import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import type { TestCertificate } from "@heddle/testkit";
import type { Outcome, PortKind } from "./expected.ts";

/** What a caller shows; `undefined`: it speaks plaintext. */
export type Shown = {
  /** `undefined`: no certificate. */
  readonly certificate: TestCertificate | undefined;
  /** As a sidecar offers them, or as a browser. */
  readonly protocols: readonly string[];
};

const REQUEST = "GET /grid HTTP/1.1\r\nHost: till\r\nConnection: close\r\n\r\n";
const TLS_HANDSHAKE = 0x16;
const DEADLINE_MS = 10_000;

/** What reached the apps: the first byte of each connection to the TCP app, headers at the HTTP app. */
export type Arrivals = {
  readonly http: { readonly certificate: string | undefined }[];
  readonly tcp: number[];
};

/** Calls a port once, and tells by both ends what became of it; another text is what no row expects. */
export async function callOnce(
  port: number,
  kind: PortKind,
  shown: Shown | undefined,
  arrivals: Arrivals,
): Promise<Outcome | { readonly odd: string }> {
  arrivals.http.length = 0;
  arrivals.tcp.length = 0;
  const tap = new Tap(port);
  const client = shown === undefined ? tap : speakTls(tap, shown);
  const said = await converse(client, tap);
  if (kind === "tcp" && arrivals.tcp.length > 0) {
    if (arrivals.tcp[0] === TLS_HANDSHAKE) return "untouched";
    return shown === undefined ? "served" : "mTLS";
  }
  const [seen] = arrivals.http;
  if (seen !== undefined && /^HTTP\/1\.1 200/.test(said)) {
    if (shown === undefined)
      return seen.certificate === undefined ? "served" : { odd: "plaintext, served as somebody" };
    return seen.certificate === undefined ? { odd: "mTLS, served as nobody" } : "mTLS";
  }
  if (tap.received.length === 0) return "closed";
  if (tap.received[0] === TLS_HANDSHAKE || tap.received[0] === 0x15) return "refused";
  const answer = tap.received.toString("latin1");
  return answer.startsWith("HTTP/1.1 400") ? "400" : { odd: answer.slice(0, 200) };
}

/** Sends the request and collects what is answered until the end. */
function converse(client: Duplex, tap: Tap): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => reject(new Error("no end within 10 s")), DEADLINE_MS);
    client.on("data", (bytes: Buffer) => (said += bytes.toString("latin1")));
    client.on("error", () => undefined); // told by its end
    tap.onGone = () => {
      clearTimeout(timer);
      client.destroy();
      // What TLS still has to decrypt comes within this turn.
      setImmediate(() => resolve(said));
    };
    client.write(REQUEST);
  });
}

function speakTls(tap: Tap, { certificate, protocols }: Shown): tls.TLSSocket {
  return tls.connect({
    socket: tap,
    rejectUnauthorized: false, // who answers is not this grid's question
    ALPNProtocols: [...protocols],
    ...(certificate && { key: certificate.keyPem, cert: certificate.chainPem }),
  });
}

/** A connection that keeps what the other side has sent, whatever TLS makes of it. */
class Tap extends Duplex {
  received = Buffer.alloc(0);
  onGone: () => void = () => {};
  readonly #socket: net.Socket;

  constructor(port: number) {
    super({ allowHalfOpen: true });
    this.#socket = net.connect(port, "127.0.0.1");
    this.#socket.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.push(bytes);
    });
    this.#socket.on("error", () => undefined); // a reset is an end
    this.#socket.on("close", () => {
      this.push(null);
      setImmediate(() => this.onGone());
    });
    this.on("error", () => undefined); // TLS has given up
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    if (this.#socket.writable) this.#socket.write(bytes, () => done());
    else done();
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
