import type { ByteStream } from "../transport/byte-stream.ts";
import type { UpstreamFault } from "../transport/failure.ts";
import type { MuxPool } from "../transport/mux/mux-pool.ts";
import { TCP_AUTHORITY } from "../transport/mux/mux-server-stream.ts";
import { UpstreamConnection } from "../transport/upstream-connection.ts";
import type { UpstreamStream, UpstreamUser } from "../transport/upstream-stream.ts";

export type TcpOverMuxUser = {
  onOpen(stream: ByteStream): void;
  onFailed(reason: string): void;
  /** The peer knows no multiplexed leg, so the connection has to be one of its own. */
  onHttp1(): void;
};

/** A wish for an opaque stream over a sidecar's multiplexed connections: a CONNECT to the app behind it. */
export class TcpOverMux implements UpstreamUser {
  readonly isRequestSent = true;
  readonly mayUpgrade = false;
  readonly #pool: MuxPool;
  readonly #user: TcpOverMuxUser;
  #upstream: UpstreamStream | undefined;
  #isOver = false;

  constructor(pool: MuxPool, user: TcpOverMuxUser) {
    this.#pool = pool;
    this.#user = user;
  }

  begin(): void {
    const got = this.#pool.acquire(this, "CONNECT");
    if (got === "waiting") return;
    if ("refusal" in got) this.#fail(got.refusal);
    else this.onUpstreamReady(got);
  }

  onUpstreamReady(upstream: UpstreamStream): void {
    if (upstream instanceof UpstreamConnection) {
      this.#isOver = true;
      upstream.giveBack();
      this.#user.onHttp1();
      return;
    }
    this.#upstream = upstream;
    const out = upstream.startRequest();
    out.text(`CONNECT ${TCP_AUTHORITY} HTTP/1.1\r\nhost: ${TCP_AUTHORITY}\r\n`);
    upstream.endHead("tunnel");
    upstream.flush();
  }

  onTunnel(_upstream: UpstreamStream, stream: ByteStream): void {
    this.#isOver = true;
    this.#upstream = undefined;
    this.#user.onOpen(stream);
  }

  /** Any other answer than a tunnel says why there is none. */
  onResponseHead(upstream: UpstreamStream): void {
    const { response } = upstream;
    const why = response.fields.find("x-refused") ?? `answered ${response.status}`;
    this.#upstream = undefined;
    upstream.abandon();
    this.#fail(`the sidecar there: ${why}`);
  }

  onUpstreamFault({ reason }: UpstreamFault): void {
    this.#upstream = undefined;
    this.#fail(reason);
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#user.onFailed(reason);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const upstream = this.#upstream;
    this.#upstream = undefined;
    if (upstream === undefined) this.#pool.cancel(this);
    else upstream.abandon();
  }

  onInformational(): void {}
  onResponseBody(): void {}
  onResponseFlush(): void {}
  onResponseEnd(): void {}
  onUpstreamReleased(): void {}
  onResponseCut(): void {}
  onUpstreamDrain(): void {}
}
