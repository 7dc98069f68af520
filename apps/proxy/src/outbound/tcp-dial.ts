import type { ByteStream } from "../transport/byte-stream.ts";
import { Connection, type ConnectTarget } from "../transport/connection.ts";
import type { MuxPool } from "../transport/mux/mux-pool.ts";
import type { HostPort } from "./authority.ts";
import { TcpOverMux } from "./tcp-over-mux.ts";

/** Who waits for the other end of an opaque connection. */
export interface TcpDialer {
  /** Why a connection that was made may not be used; `undefined`: it may. */
  refuse(connection: Connection): string | undefined;
  onRefused(reason: string): void;
  onConnected(stream: ByteStream): void;
  onFault(reason: string): void;
}

/** The way to the other end of an opaque connection while it is being made, one try after another. */
export class TcpDial {
  readonly #dialer: TcpDialer;
  #dialing: Connection | undefined;
  #asking: TcpOverMux | undefined;

  constructor(dialer: TcpDialer) {
    this.#dialer = dialer;
  }

  get isUnderWay(): boolean {
    return this.#dialing !== undefined || this.#asking !== undefined;
  }

  /**
   * Over the connections requests share: no handshake, and the sidecar says whether its app is there. To one
   * that does not speak that, by a connection to `target`, where a text says why there is none.
   */
  ask(mux: MuxPool, target: () => ConnectTarget | string): void {
    const asking = new TcpOverMux(mux, {
      onOpen: (stream) => {
        this.#asking = undefined;
        this.#dialer.onConnected(stream);
      },
      onFailed: (reason) => {
        this.#asking = undefined;
        this.#dialer.onFault(reason);
      },
      onHttp1: () => {
        this.#asking = undefined;
        const found = target();
        if (typeof found === "string") this.#dialer.onFault(found);
        else this.dial(found);
      },
    });
    this.#asking = asking;
    asking.begin();
  }

  dial(target: ConnectTarget | HostPort): void {
    const connection = Connection.connect(
      target,
      {
        onData: () => {},
        onEnd: () => connection.destroy(),
        onDrain: () => {},
        onClose: (error) => {
          if (this.#dialing !== connection) return;
          this.#dialer.onFault(error?.message ?? "closed by the peer");
        },
      },
      () => {
        if (this.#dialing !== connection) return;
        const refusal = this.#dialer.refuse(connection);
        if (refusal !== undefined) {
          this.#dialer.onRefused(refusal);
          return;
        }
        this.#dialing = undefined;
        this.#dialer.onConnected(connection);
      },
    );
    this.#dialing = connection;
  }

  /** Gives up what is under way: nobody hears of it. */
  cancel(): void {
    const connection = this.#dialing;
    this.#dialing = undefined;
    connection?.destroy();
    this.#asking?.cancel();
    this.#asking = undefined;
  }
}
