import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { RequestAnswer, RequestOrder } from "./certificate-request-process.ts";

/** A fresh key and the request for its certificate. The key never leaves the proxy. */
export type CertificateRequest = { readonly keyPem: string; readonly csrPem: string };

const MAKER = fileURLToPath(new URL("./certificate-request-process.ts", import.meta.url));

/** How long the process outlives its last request: those of one proxy come in a bunch. */
const LINGER_MS = 1000;

/**
 * Makes an ECDSA P-256 key and a PKCS #10 request (RFC 2986). The names in it are hints: the CA knows better.
 * The X.509 library is needed a few times a day, and a thread leaves 14 MiB behind when it ends; so it lives
 * in a process that ends after them. What the two say to each other passes through a pipe between them alone.
 */
export function createCertificateRequest(
  commonName: string,
  spiffeId: string | undefined,
): Promise<CertificateRequest> {
  maker ??= new RequestMaker(() => {
    maker = undefined;
  });
  return maker.ask(commonName, spiffeId);
}

let maker: RequestMaker | undefined;

class RequestMaker {
  readonly #child = fork(MAKER, [], {
    execArgv: [],
    env: environment(),
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  readonly #waiting = new Map<number, PromiseWithResolvers<CertificateRequest>>();
  readonly #onEnd: () => void;
  #lastId = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#child.on("message", (message) => {
      const { id, keyPem, csrPem } = message as RequestAnswer;
      this.#waiting.get(id)?.resolve({ keyPem, csrPem });
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#endSoon();
    });
    this.#child.on("error", (error: Error) => this.#end(error));
    this.#child.on("exit", () => this.#end(new Error("the process that makes keys has ended")));
  }

  ask(commonName: string, spiffeId: string | undefined): Promise<CertificateRequest> {
    clearTimeout(this.#linger);
    this.#child.ref();
    this.#child.channel?.ref();
    const waiter = Promise.withResolvers<CertificateRequest>();
    const id = ++this.#lastId;
    this.#waiting.set(id, waiter);
    const order: RequestOrder = { id, commonName, spiffeId };
    this.#child.send(order, (error) => {
      if (error !== null) this.#end(error);
    });
    return waiter.promise;
  }

  #endSoon(): void {
    this.#child.unref();
    this.#child.channel?.unref();
    this.#linger = setTimeout(() => {
      this.#onEnd(); // whoever asks from now on gets a new process
      this.#child.disconnect();
    }, LINGER_MS).unref();
  }

  #end(error: Error): void {
    this.#onEnd();
    for (const waiter of this.#waiting.values()) waiter.reject(error);
    this.#waiting.clear();
  }
}

/** No secret of the proxy's own environment is any business of that process. */
function environment(): NodeJS.ProcessEnv {
  const cache = process.env["NODE_COMPILE_CACHE"];
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: cache };
}
