// Node's own HTTP/1 implementation (llhttp, strict by default) as the other opinion, over real sockets.
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { DEFAULT_LIMITS } from "../src/index.ts";

/** One message as Node understood it; only whole ones are told. */
export type NodeMessage = {
  readonly start: string;
  readonly fields: [string, string][];
  readonly body: string;
  readonly trailers: [string, string][];
};

/** What Node made of a stream: its whole messages, and why it gave up, if it did. */
export type NodeReading = {
  readonly messages: NodeMessage[];
  readonly refusal: string | undefined;
};

const PARSING = {
  maxHeaderSize: DEFAULT_LIMITS.maxHeadBytes,
  insecureHTTPParser: false,
  joinDuplicateHeaders: false,
};
const CLOSED = "closed";

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [
    raw[2 * i] as string,
    raw[2 * i + 1] as string,
  ]);
}

function whenRead(message: http.IncomingMessage, start: string): Promise<NodeMessage | undefined> {
  return new Promise((resolve) => {
    let body = "";
    message.setEncoding("latin1");
    message.on("data", (text: string) => {
      body += text;
    });
    message.on("error", () => resolve(undefined));
    message.on("close", () => {
      const { rawHeaders, rawTrailers } = message;
      if (!message.complete) resolve(undefined);
      else resolve({ start, fields: pairs(rawHeaders), body, trailers: pairs(rawTrailers) });
    });
  });
}

/** A server that keeps what it understood of each connection until it is asked. */
export class NodeServer {
  readonly #server = http.createServer(PARSING);
  readonly #readings = new Map<net.Socket, { messages: NodeMessage[]; refusal?: string }>();

  static async start(): Promise<NodeServer> {
    const node = new NodeServer();
    node.#server.listen(0, "127.0.0.1");
    await once(node.#server, "listening");
    return node;
  }

  private constructor() {
    const keep = async (request: http.IncomingMessage, response: http.ServerResponse) => {
      const reading = this.#readings.get(request.socket);
      const { method, url, httpVersionMinor } = request;
      response.on("error", () => {});
      const isRead = whenRead(request, `${method} ${url} 1.${httpVersionMinor}`);
      request.on("end", () => response.end());
      const message = await isRead;
      if (message !== undefined) reading?.messages.push(message);
    };
    for (const event of ["request", "checkContinue", "checkExpectation"]) {
      this.#server.on(event, (request: http.IncomingMessage, response: http.ServerResponse) => {
        void keep(request, response);
      });
    }
    this.#server.on("connection", (socket: net.Socket) =>
      this.#readings.set(socket, { messages: [] }),
    );
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: net.Socket) => {
      const reading = this.#readings.get(socket);
      if (reading !== undefined) reading.refusal ??= error.code ?? error.message;
      socket.destroy();
    });
  }

  /** Sends the bytes on a connection of their own, then its end; resolves when Node is through with them. */
  async read(bytes: Buffer): Promise<NodeReading> {
    const { port } = this.#server.address() as AddressInfo;
    const accepted = once(this.#server, "connection") as Promise<[net.Socket]>;
    const client = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    client.on("error", () => {}); // a reset is one of the ways to be refused
    client.resume();
    const [socket] = await accepted;
    const closed = once(socket, "close");
    client.end(bytes);
    await closed;
    // The messages' own "close" events come within the same turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
    client.destroy();
    const { messages, refusal } = this.#readings.get(socket) ?? { messages: [], refusal: CLOSED };
    this.#readings.delete(socket);
    return { messages, refusal };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** A client that asks a server whose answer is given. */
export class NodeClient {
  readonly #server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(this.#answer));
  });
  #answer: Buffer = Buffer.alloc(0);

  static async start(): Promise<NodeClient> {
    const node = new NodeClient();
    node.#server.listen(0, "127.0.0.1");
    await once(node.#server, "listening");
    return node;
  }

  /** What the client makes of `answer` to a request of `method`: the first final response. */
  async read(method: string, answer: Buffer): Promise<NodeReading> {
    this.#answer = answer;
    const { port } = this.#server.address() as AddressInfo;
    const options = { ...PARSING, port, host: "127.0.0.1", method, agent: false };
    return new Promise((resolve) => {
      const request = http.request(options);
      let refusal: string | undefined;
      let message: Promise<NodeMessage | undefined> | undefined;
      request.on("response", (response) => {
        const { statusCode, statusMessage, httpVersionMinor } = response;
        message = whenRead(response, `${statusCode} ${statusMessage} 1.${httpVersionMinor}`);
      });
      request.on("upgrade", (_response, socket) => socket.destroy());
      request.on("error", (error: NodeJS.ErrnoException) => {
        refusal = error.code ?? error.message;
      });
      request.on("close", () => {
        void Promise.resolve(message).then((read) =>
          resolve({ messages: read === undefined ? [] : [read], refusal }),
        );
      });
      request.end();
    });
  }

  async stop(): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }
}
