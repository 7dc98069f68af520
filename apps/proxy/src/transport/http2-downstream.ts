import type { ServerHttp2Stream, ServerStreamResponseOptions } from "node:http2";
import { type FieldBlock, Http1Error, OutBuffer, ResponseParser } from "@heddle/http1";
import { HTTP2_CODE } from "../core/node-http2.ts";
import type { Downstream, GivenUp, ResponseBody } from "./downstream.ts";
import type { HttpExchange } from "./http-exchange.ts";
import { closeSoon } from "./http2-close.ts";
import {
  type RawHeaders,
  readTrailers,
  requestText,
  responseHeaders,
  trailerHeaders,
} from "./http2-head.ts";
import { fieldNames } from "./proxy-fields.ts";

/** Has no content (RFC 9110 §15.3.6); an app that sends some all the same means no more by it. */
const RESET_CONTENT = 205;
const LENGTH_FIELD: ReadonlySet<string> = new Set(["content-length"]);

/** More than this waiting to be sent makes the upstream stop. */
const WRITE_HIGH_WATER_BYTES = 131_072;

/** Heads are put together here and turned into HTTP/2's within the same call. */
const scratch = new OutBuffer(8_192);

/** One request of an HTTP/2 client. */
export class Http2Downstream implements Downstream {
  readonly isHttp2 = true;
  isReading = false;
  readonly #stream: ServerHttp2Stream;
  readonly #exchange: HttpExchange;
  readonly #onOver: () => void;
  readonly #response: ResponseParser;
  #trailers: FieldBlock | undefined;
  #isOver = false;
  #hasEnded = false;

  constructor(stream: ServerHttp2Stream, exchange: HttpExchange, onOver: () => void) {
    this.#stream = stream;
    this.#exchange = exchange;
    this.#onOver = onOver;
    this.#response = new ResponseParser(fieldNames, exchange.limits);
    exchange.attach(this);
  }

  begin(raw: RawHeaders, hasBody: boolean): void {
    const stream = this.#stream;
    const exchange = this.#exchange;
    exchange.clock.watch(exchange);
    stream.on("error", () => {});
    stream.on("close", () => this.#onClose());
    stream.on("drain", () => exchange.onDownstreamDrain());
    exchange.request.reset();
    try {
      const head = Buffer.from(requestText(raw, hasBody), "latin1");
      const end = exchange.request.parse(head, 0, head.length);
      if (end !== head.length) throw new Http1Error("METHOD", "the head is not one head");
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      exchange.refuse(error.status, `the request is not valid HTTP/2: ${error.message}`, true);
      return;
    }
    if (!exchange.mayServe()) {
      stream.close(HTTP2_CODE.refusedStream);
      return;
    }
    if (hasBody) this.#listen();
    exchange.begin();
    this.updateReading();
  }

  #listen(): void {
    const stream = this.#stream;
    const exchange = this.#exchange;
    let trailers: FieldBlock | undefined;
    stream.on("trailers", (_headers, _flags, raw: RawHeaders) => {
      try {
        trailers = readTrailers(raw, exchange.limits);
      } catch (error) {
        if (!(error instanceof Http1Error)) throw error;
        closeSoon(stream, HTTP2_CODE.protocolError);
      }
    });
    stream.on("data", (bytes: Buffer) => {
      exchange.activityMs = exchange.clock.nowMs;
      this.isReading = true;
      exchange.onBody(bytes, 0, bytes.length);
      this.#flushReading();
    });
    stream.on("end", () => {
      // A stream that was reset ends as well, but brings no whole request.
      if (stream.aborted || stream.rstCode !== HTTP2_CODE.noError) return;
      this.isReading = true;
      exchange.onRequestEnd(trailers);
      this.#flushReading();
    });
    stream.pause();
  }

  #flushReading(): void {
    this.isReading = false;
    this.#exchange.onRequestFlush();
    this.updateReading();
  }

  updateReading(): void {
    if (this.#isOver) return;
    if (this.#exchange.isHoldingBody) this.#stream.pause();
    else this.#stream.resume();
  }

  #onClose(): void {
    const exchange = this.#exchange;
    if (this.#isOver) return;
    this.#isOver = true;
    if (exchange.isBusy) exchange.onDownstreamGone();
    exchange.clock.unwatch(exchange);
    this.#onOver();
  }

  // ---- What the client gets ----

  get isBlocked(): boolean {
    return this.#stream.writableLength > WRITE_HIGH_WATER_BYTES;
  }

  startHead(): OutBuffer {
    scratch.clear();
    return scratch;
  }

  #takeHead(framing: string): ResponseParser {
    scratch.text(`${framing}\r\n`);
    const response = this.#response;
    response.reset(this.#exchange.request.method);
    response.parse(scratch.bytes, 0, scratch.length);
    return response;
  }

  endInformational(): void {
    const headers = responseHeaders(this.#takeHead(""));
    scratch.clear();
    if (this.#isOpen) this.#send(() => this.#stream.additionalHeaders(toRecord(headers)));
  }

  endHead(body: ResponseBody): void {
    const head = this.#takeHead(body === "unknown" ? "transfer-encoding: chunked\r\n" : "");
    // `node:http2` sends none either, and would take a body for a mistake of this stream.
    const isEmptied = head.status === RESET_CONTENT && body !== "none";
    if (isEmptied) head.fields.drop(LENGTH_FIELD);
    const headers = responseHeaders(head);
    scratch.clear();
    if (!this.#isOpen) return;
    const endStream = body === "none" || isEmptied;
    this.#hasEnded = endStream;
    if (!endStream) this.#stream.on("wantTrailers", () => this.#sendTrailers());
    // Without trailers to wait for, `close` would send what is pending as if it were the whole answer.
    this.#send(() => this.#stream.respond(headers, answerOptions(endStream, !endStream)));
  }

  /** What `node:http2` refuses to send costs this one stream, never the process. */
  #send(write: () => void): void {
    try {
      write();
    } catch {
      this.reset();
    }
  }

  get #isOpen(): boolean {
    return !this.#isOver && !this.#stream.closed && !this.#stream.destroyed;
  }

  #sendTrailers(): void {
    if (this.#isOpen) this.#send(() => this.#stream.sendTrailers(trailerHeaders(this.#trailers)));
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    if (start === end || this.#hasEnded || !this.#isOpen) return;
    this.#stream.write(Buffer.from(bytes.subarray(start, end)));
  }

  endBody(trailers: FieldBlock | undefined): void {
    this.#trailers = trailers;
    if (this.#hasEnded || !this.#isOpen) return;
    this.#hasEnded = true;
    this.#stream.end();
  }

  flush(): void {}

  /** Answered. A request that is not whole yet is not read to its end (RFC 9113 §8.1). */
  finish(): void {
    const stream = this.#stream;
    if (!this.#isOpen || stream.readableEnded) return;
    if (stream.writableFinished) stream.close(HTTP2_CODE.noError);
    else stream.once("finish", () => stream.close(HTTP2_CODE.noError));
    stream.resume();
  }

  reset(): void {
    if (this.#isOpen) closeSoon(this.#stream, HTTP2_CODE.internalError);
  }

  onDeadline(): void {
    this.reset();
  }

  /** CONNECT is refused before there could be anything to go on with. */
  continueWithRequests(): void {
    throw new Error("an HTTP/2 stream carries one request");
  }

  startTunnel(): GivenUp {
    throw new Error("an HTTP/2 stream becomes no tunnel");
  }

  onTunnelEnd(): void {}
}

/** `sendDate` is Node's, though its types do not know it: the date is the upstream's to say. */
function answerOptions(endStream: boolean, waitForTrailers: boolean): ServerStreamResponseOptions {
  const options = { endStream, waitForTrailers, sendDate: false };
  return options;
}

function toRecord(raw: RawHeaders): Record<string, string[] | string> {
  const record: Record<string, string[] | string> = Object.create(null);
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    const before = record[name];
    record[name] = before === undefined ? value : [...[before].flat(), value];
  }
  return record;
}
