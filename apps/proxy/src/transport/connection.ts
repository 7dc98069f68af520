import type { X509Certificate } from "node:crypto";
import net from "node:net";
import { type SecureContext, type TLSSocket, connect as tlsConnect } from "node:tls";
import type { OutBuffer } from "@heddle/http1";
import type { ByteStream, ByteStreamHandler } from "./byte-stream.ts";

/** Reads of all sockets land here, one after the other; nobody keeps a reference past its call. */
const READ_BYTES = 65_536;
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** A writer with more than this waiting makes its source stop. */
const WRITE_HIGH_WATER_BYTES = 131_072;

/** The parts of a socket's handle that Node uses for `onread` itself but does not document. */
type StreamHandle = { useUserBuffer?(buffer: Uint8Array): void; verifyError?(): Error | null };
type HandleOwner = { _handle: StreamHandle | null; server?: unknown; _server?: unknown };
type OnRead = { buffer: Buffer; callback: (size: number, buffer: Uint8Array) => boolean };

/**
 * One TCP or TLS connection with a handler that can change: a pooled connection serves one exchange
 * after another. Where the runtime allows, it reads into one shared buffer (proxy-performance: a
 * fifth of the cost of a proxied request), else by 'data' events.
 */
export class Connection implements ByteStream {
  handler: ByteStreamHandler;
  isClosed = false;
  /** Whether reading is stopped to hold the peer back. */
  isPaused = false;
  /** Whether this side has sent, or is about to send, its last byte. */
  hasEnded = false;
  /** Called once, when it is closed. */
  onGone: (() => void) | undefined;
  #socket: net.Socket;
  #error: Error | undefined;
  readonly #isTls: boolean;

  private constructor(socket: net.Socket, handler: ByteStreamHandler, isTls: boolean) {
    this.#socket = socket;
    this.handler = handler;
    this.#isTls = isTls;
  }

  /** Takes over a socket a server has accepted with `pauseOnConnect`. Nothing is read before `start`. */
  static adopt(accepted: net.Socket, handler: ByteStreamHandler): Connection {
    const owner = accepted as unknown as HandleOwner;
    const handle = owner._handle;
    if (handle === null || typeof handle.useUserBuffer !== "function") {
      const connection = new Connection(accepted, handler, false);
      connection.#listen(false);
      return connection;
    }
    const { server, _server } = owner;
    accepted.removeAllListeners();
    owner._handle = null;
    let connection: Connection | undefined;
    const options = {
      handle,
      allowHalfOpen: true,
      highWaterMark: WRITE_HIGH_WATER_BYTES,
      manualStart: true,
      onread: onReadOf(() => connection),
    };
    const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
    // The server counts its connections by these two and must see this one end.
    Object.assign(socket, { server, _server });
    connection = new Connection(socket, handler, false);
    connection.#listen(true);
    return connection;
  }

  /** Takes over a server-side TLS socket whose handshake is done and checked. */
  static adoptTls(socket: TLSSocket, handler: ByteStreamHandler): Connection {
    const connection = new Connection(socket, handler, true);
    connection.#listen(readIntoSharedBuffer(socket, () => connection));
    return connection;
  }

  /** Starts to read; `first` has been read already and comes before the rest. */
  start(first?: Buffer): void {
    if (first !== undefined) this.#deliver(first);
    if (!this.isClosed && !this.isPaused) this.#socket.resume();
  }

  /** Connects to `host:port`. `onReady` comes once, unless `handler.onClose` comes first. */
  static connect(
    target: ConnectTarget,
    handler: ByteStreamHandler,
    onReady: () => void,
  ): Connection {
    let connection: Connection | undefined;
    const onread = onReadOf(() => connection);
    const { host, port, tls, keepAliveMs } = target;
    const shared = {
      host,
      port,
      onread,
      noDelay: true,
      allowHalfOpen: true,
      highWaterMark: WRITE_HIGH_WATER_BYTES,
    };
    const socket: net.Socket =
      tls === undefined
        ? net.connect(shared)
        : tlsConnect({
            ...shared,
            secureContext: tls.context,
            ALPNProtocols: [...tls.alpn],
            checkServerIdentity: () => checkPeer(tls, socket as TLSSocket, connection),
            rejectUnauthorized: tls.verifies !== false,
            ...(tls.servername !== undefined && { servername: tls.servername }),
          });
    if (keepAliveMs !== undefined) socket.setKeepAlive(true, keepAliveMs);
    connection = new Connection(socket, handler, tls !== undefined);
    connection.#listen(true);
    socket.once(tls === undefined ? "connect" : "secureConnect", onReady);
    return connection;
  }

  /**
   * Gives the socket away, to be read in another way: `first` was read already and stands in it again.
   * The handler hears nothing more, and this connection counts as closed.
   */
  release(first: Buffer): net.Socket {
    const socket = this.#socket;
    this.isClosed = true;
    for (const event of ["data", "end", "drain", "error", "close"])
      socket.removeAllListeners(event);
    socket.pause();
    if (first.length > 0) socket.unshift(first);
    return socket;
  }

  /** What TLS has settled on; empty: nothing. */
  get alpn(): string {
    const { alpnProtocol } = this.#socket as TLSSocket;
    return typeof alpnProtocol === "string" ? alpnProtocol : "";
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "unknown";
  }

  get remotePort(): number {
    return this.#socket.remotePort ?? 0;
  }

  get localAddress(): string {
    return this.#socket.localAddress ?? "unknown";
  }

  /** Bytes the kernel (or TLS) has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** Whether so much waits to be written that the source should stop. */
  get isBlocked(): boolean {
    return this.#socket.writableLength > WRITE_HIGH_WATER_BYTES;
  }

  /** Sends what `out` holds and empties it. `out` gets new memory only when the kernel did not take all. */
  write(out: OutBuffer): void {
    if (out.length === 0) return;
    const socket = this.#socket;
    if (this.isClosed || this.hasEnded) {
      out.clear();
      return;
    }
    const before = socket.writableLength;
    socket.write(out.bytes.subarray(0, out.length));
    // A plain write that is over at once has left the buffer; TLS encrypts (or copies) within the call
    // unless an earlier write is still on its way.
    const isFree = socket.writableLength === 0 || (this.#isTls && before === 0);
    if (isFree) out.clear();
    else out.replace();
  }

  /** Holds the peer back: what it sends stays in the kernel. Bytes TLS has decrypted may still come. */
  pause(): void {
    if (this.isPaused || this.isClosed) return;
    this.isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.isPaused || this.isClosed) return;
    this.isPaused = false;
    this.#socket.resume();
  }

  /** Sends the rest and then the end of the stream; the peer may still send. */
  end(): void {
    if (this.hasEnded || this.isClosed) return;
    this.hasEnded = true;
    this.#socket.end();
  }

  /** Closes at once. `onClose` still comes, later. */
  destroy(): void {
    if (!this.#socket.destroyed) this.#socket.destroy();
  }

  /** Closes at once and tells the peer that it was no orderly end (RST where the transport can). */
  reset(): void {
    if (this.#socket.destroyed) return;
    if (this.#isTls) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #deliver(bytes: Buffer): void {
    this.handler.onData(bytes, 0, bytes.length);
  }

  #listen(hasOnRead: boolean): void {
    const socket = this.#socket;
    if (!hasOnRead) socket.on("data", (bytes) => this.#deliver(bytes as Buffer));
    socket.on("end", () => this.handler.onEnd());
    socket.on("drain", () => this.handler.onDrain());
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.on("close", () => {
      this.onGone?.();
      if (this.isClosed) return;
      this.isClosed = true;
      this.handler.onClose(this.#error);
    });
  }
}

/** `tls` absent: plaintext. */
export type ConnectTarget = {
  readonly host: string;
  readonly port: number;
  readonly tls?:
    | {
        readonly context: SecureContext;
        /** In order of preference. */
        readonly alpn: readonly string[];
        /** The server name to ask for; `undefined`: none. */
        readonly servername?: string | undefined;
        /** False: whatever certificate the server shows is taken. */
        readonly verifies?: boolean;
        /** Whether the server may be who it shows to be; an error says why not. */
        check(certificate: X509Certificate, connection: Connection): Error | undefined;
      }
    | undefined;
  /** Keep-alive probes after this long without a byte; `undefined`: the system's default, none. */
  readonly keepAliveMs?: number | undefined;
};

function checkPeer(
  tls: NonNullable<ConnectTarget["tls"]>,
  socket: TLSSocket,
  connection: Connection | undefined,
): Error | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || connection === undefined) {
    return new Error("the server shows no certificate");
  }
  return tls.check(certificate, connection);
}

function onReadOf(connection: () => Connection | undefined): OnRead {
  return {
    buffer: readBuffer,
    callback: (size) => {
      connection()?.handler.onData(readBuffer, 0, size);
      return true;
    },
  };
}

/**
 * `TLSSocket` takes `onread` only for connections it opens itself; for accepted ones the same two
 * symbol fields are set by hand. False: this runtime has other insides, 'data' events must do.
 */
function readIntoSharedBuffer(socket: TLSSocket, connection: () => Connection): boolean {
  const symbols = Object.getOwnPropertySymbols(socket);
  const bufferKey = symbols.find((symbol) => symbol.description === "kBuffer");
  const callbackKey = symbols.find((symbol) => symbol.description === "kBufferCb");
  const callbackName = callbackKey ?? findCallbackKey();
  const handle = (socket as unknown as HandleOwner)._handle;
  if (bufferKey === undefined || callbackName === undefined) return false;
  if (typeof handle?.useUserBuffer !== "function") return false;
  const { buffer, callback } = onReadOf(connection);
  Object.assign(socket, { [bufferKey]: buffer, [callbackName]: callback });
  handle.useUserBuffer(buffer);
  return true;
}

let knownCallbackKey: symbol | undefined;

/** The callback's symbol is an own property only of sockets made with `onread`. */
function findCallbackKey(): symbol | undefined {
  if (knownCallbackKey === undefined) {
    const probe = new net.Socket({ onread: { buffer: readBuffer, callback: () => true } });
    knownCallbackKey = Object.getOwnPropertySymbols(probe).find(
      (symbol) => symbol.description === "kBufferCb",
    );
    probe.destroy();
  }
  return knownCallbackKey;
}

/** Why the peer's certificate was refused after a handshake, with OpenSSL's code; `undefined`: it is good. */
export function certificateFault(
  socket: TLSSocket,
): (Error & { readonly code?: string }) | undefined {
  const handle = (socket as unknown as HandleOwner)._handle;
  if (typeof handle?.verifyError !== "function") {
    return new Error("this runtime does not say whether the client certificate was verified");
  }
  return handle.verifyError() ?? undefined;
}
