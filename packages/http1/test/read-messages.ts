import {
  BodyReader,
  DEFAULT_LIMITS,
  type FieldBlock,
  FieldNames,
  Http1Error,
  type Http1Limits,
  RequestParser,
  ResponseParser,
} from "../src/index.ts";

const names = new FieldNames();

export type ReadMessage = {
  startLine: string;
  fields: [string, string][];
  body: string;
  trailers: [string, string][];
  isComplete: boolean;
};

/** What a connection's bytes mean: the messages in order, and the fault that ended them, if any. */
export type Reading = { messages: ReadMessage[]; fault: string | undefined; detail: string };

export function fieldList(block: FieldBlock | undefined): [string, string][] {
  if (block === undefined) return [];
  return Array.from({ length: block.count }, (_, i) => [block.nameAt(i), block.valueAt(i)]);
}

type Kind = "request" | "response";

/**
 * Reads a connection the way a server or a client must: head, body, head, body, until the bytes end,
 * something is refused, a tunnel starts, or a message says that it is the last and more follows.
 * Every slice is overwritten after its turn, as a shared read buffer would be.
 */
export function readMessages(
  kind: Kind,
  slices: readonly Buffer[],
  options: {
    limits?: Http1Limits;
    requestMethod?: string;
    isEnded?: boolean;
    /** Reads on after a request for another protocol, as when the server says no to it. */
    ignoresUpgrade?: boolean;
  } = {},
): Reading {
  const reader = new ConnectionReader(
    kind,
    options.limits ?? DEFAULT_LIMITS,
    options.requestMethod,
    options.ignoresUpgrade === true,
  );
  try {
    for (const slice of slices) {
      const shared = Buffer.from(slice);
      reader.read(shared);
      shared.fill(0x7a);
    }
    if (options.isEnded === true) reader.end();
  } catch (error) {
    if (!(error instanceof Http1Error)) throw error;
    return { messages: reader.messages, fault: error.fault, detail: error.message };
  }
  return { messages: reader.messages, fault: undefined, detail: "" };
}

class ConnectionReader {
  readonly messages: ReadMessage[] = [];
  readonly #head: RequestParser | ResponseParser;
  readonly #requestMethod: string;
  readonly #ignoresUpgrade: boolean;
  readonly #body: BodyReader;
  #current: ReadMessage | undefined;
  #isLast = false;
  #isTunnel = false;
  #afterLast = "";

  constructor(kind: Kind, limits: Http1Limits, requestMethod = "GET", ignoresUpgrade = false) {
    this.#ignoresUpgrade = ignoresUpgrade;
    this.#requestMethod = requestMethod;
    this.#body = new BodyReader(names, limits);
    this.#head =
      kind === "request" ? new RequestParser(names, limits) : new ResponseParser(names, limits);
    this.#reset();
  }

  #reset(): void {
    if (this.#head instanceof RequestParser) this.#head.reset();
    else this.#head.reset(this.#requestMethod);
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#current) this.#current.body += bytes.toString("latin1", start, end);
  }

  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !(this.#isTunnel && this.#current === undefined)) {
      if (this.#isLast && this.#current === undefined) {
        // An empty line may trail a message (RFC 9112 §2.2); anything else would be another one.
        this.#afterLast += bytes.toString("latin1", at);
        if ("\r\n".startsWith(this.#afterLast)) return;
        throw new Http1Error("CONNECTION", "bytes follow a message that ends the connection");
      }
      if (this.#current === undefined) {
        at = this.#head.parse(bytes, at, bytes.length);
        if (at < 0) return;
        this.#startMessage();
      }
      if (this.#current !== undefined) {
        at = this.#body.read(bytes, at, bytes.length, this);
        if (this.#body.isComplete) this.#endMessage();
      }
    }
  }

  #startMessage(): void {
    const head = this.#head;
    this.#current = {
      startLine:
        head instanceof RequestParser
          ? `${head.method} ${head.target} 1.${head.minorVersion}`
          : `${head.status} ${head.reason} 1.${head.minorVersion}`,
      fields: fieldList(head.fields),
      body: "",
      trailers: [],
      isComplete: false,
    };
    this.messages.push(this.#current);
    this.#body.reset(head.body, head.contentLength);
    this.#isLast = !head.keepAlive;
    const asksUpgrade = head instanceof RequestParser && head.isUpgrade && !this.#ignoresUpgrade;
    this.#isTunnel = head.body === "tunnel" || asksUpgrade;
    if (this.#body.isComplete) this.#endMessage();
  }

  #endMessage(): void {
    if (this.#current === undefined) return;
    this.#current.isComplete = true;
    this.#current.trailers = fieldList(this.#body.trailers);
    this.#current = undefined;
    this.#reset();
  }

  end(): void {
    if (this.#current !== undefined) {
      this.#body.end();
      this.#endMessage();
    } else if (this.#head.isPartial) {
      throw new Http1Error("UNEXPECTED_END", "the stream ends inside a head");
    }
  }
}
