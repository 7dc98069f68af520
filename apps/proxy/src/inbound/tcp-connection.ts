import { OutBuffer } from "@heddle/http1";
import { admitConnection, describeOverflow, type PoolUsage } from "@heddle/mesh";
import type { FailedBy } from "../core/traffic-recorder.ts";
import type { ByteStream, ByteStreamHandler } from "../transport/byte-stream.ts";
import { Connection } from "../transport/connection.ts";
import { processClock, type Watched } from "../transport/deadline-clock.ts";
import type { Flag } from "../transport/failure.ts";
import type { TcpAnswer } from "../transport/mux/mux-server-stream.ts";
import { watchServerFirst } from "../transport/server-first.ts";
import type { Session } from "../transport/socket-listener.ts";
import { TcpFlow } from "../transport/tcp-flow.ts";
import type { TcpSeriesTable } from "../transport/tcp-series-table.ts";
import { tellClosed, tellOpened } from "../transport/told-connection.ts";
import { APP_CONNECT_TIMEOUT_MS } from "./app-pools.ts";
import type { InboundTcpSide } from "./tcp-side.ts";

/**
 * A caller's opaque connection on its way to the app:
 *
 *   dialing → open (the app takes it) | over (it does not, the caller leaves)    open → over
 */
export class InboundTcp implements Session, ByteStreamHandler, Watched {
  deadlineMs: number;
  watchIndex = -1;
  readonly #side: InboundTcpSide;
  readonly #series: TcpSeriesTable;
  readonly #appPort: number;
  readonly #downstream: ByteStream;
  readonly #onGone: (gone: InboundTcp) => void;
  readonly #onServerFirst: (() => void) | undefined;
  readonly #answer: TcpAnswer | undefined;
  readonly #kept = new OutBuffer(1_024);
  #app: Connection | undefined;
  /** Where it counts against a rule's limit. */
  #counted: PoolUsage | undefined;
  #hasEnded = false;
  #isOver = false;
  #flow: TcpFlow | undefined;

  /** `series`: of the caller, from `side.seriesOf`. */
  constructor(
    side: InboundTcpSide,
    series: TcpSeriesTable,
    appPort: number,
    downstream: ByteStream,
    onGone: (gone: InboundTcp) => void,
    rest: {
      /** Wants to know when the app speaks first. */
      readonly onServerFirst?: (() => void) | undefined;
      /** The caller waits to hear whether the app takes the connection. */
      readonly answer?: TcpAnswer | undefined;
    } = {},
  ) {
    this.#side = side;
    this.#series = series;
    this.#appPort = appPort;
    this.#downstream = downstream;
    this.#onGone = onGone;
    this.#onServerFirst = rest.onServerFirst;
    this.#answer = rest.answer;
    this.deadlineMs = performance.now() + APP_CONNECT_TIMEOUT_MS;
  }

  /** Starts; `bytes[start, end)` have been read already. */
  begin(bytes: Buffer, start: number, end: number): void {
    this.#downstream.handler = this;
    this.#downstream.pause();
    const { admission } = this.#side.appPools;
    if (admission !== undefined) {
      const admitted = admitConnection(admission.limits, admission.usage);
      if (admitted !== "admitted") {
        this.#refuse("UO", "inbound-proxy", describeOverflow(admitted));
        return;
      }
      admission.usage.connections++;
      this.#counted = admission.usage;
    }
    this.#kept.copy(bytes, start, end);
    processClock.watch(this);
    const app = Connection.connect(
      { host: "127.0.0.1", port: this.#appPort },
      {
        onData: () => {},
        onEnd: () => app.destroy(),
        onDrain: () => {},
        onClose: (error) => this.#onAppClosed(error?.message ?? "closed by the app"),
      },
      () => this.#open(app),
    );
    this.#app = app;
  }

  #open(app: Connection): void {
    if (this.#isOver) return;
    processClock.unwatch(this);
    const openedAtMs = performance.now();
    const way = { authority: undefined, endpoint: `127.0.0.1:${this.#appPort}` };
    tellOpened(this.#series, way);
    const flow = new TcpFlow({
      recorder: this.#side.parts.recorder,
      series: this.#series.seriesOf("-", ""),
      clock: processClock,
      downstream: this.#downstream,
      upstream: app,
      bounds: this.#side.appPools.tcpBounds,
      onEnd: () => {
        tellClosed(this.#series, way, openedAtMs, flow);
        this.#end();
      },
    });
    this.#flow = flow;
    this.#answer?.accept();
    flow.sendUp(this.#kept);
    if (this.#hasEnded) app.end();
    if (this.#onServerFirst !== undefined) watchServerFirst(app, flow, this.#onServerFirst);
  }

  #onAppClosed(reason: string): void {
    if (this.#isOver) return;
    this.#refuse("UF", "inbound-proxy", reason);
  }

  #refuse(flag: Flag, failedBy: FailedBy, reason: string): void {
    const { parts, name } = this.#side;
    parts.logger.debug(
      { workload: name, appPort: this.#appPort, flag, reason },
      "a TCP connection was refused",
    );
    this.#series.countRefused(flag, failedBy);
    this.#end();
    if (this.#answer === undefined) this.#downstream.reset();
    else this.#answer.refuse(reason);
  }

  onDeadline(): void {
    this.#refuse("UF", "inbound-proxy", "the app did not take the connection in time");
    this.#app?.destroy();
  }

  // ---- The caller, until the app has taken the connection ----

  onData(bytes: Buffer, start: number, end: number): void {
    this.#kept.copy(bytes, start, end);
  }

  onEnd(): void {
    this.#hasEnded = true;
  }

  onDrain(): void {}

  onClose(): void {
    if (this.#isOver) return;
    this.#series.countRefused("DC", "");
    this.#end();
    this.#app?.destroy();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    processClock.unwatch(this);
    if (this.#counted !== undefined) this.#counted.connections--;
    this.#onGone(this);
  }

  /** An opaque connection has no good moment to end: it may go on until the drain's own deadline. */
  drain(): void {}

  destroy(): void {
    if (this.#flow !== undefined) this.#flow.destroy();
    else this.#downstream.destroy();
  }
}
