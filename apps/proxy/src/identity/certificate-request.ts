import { Worker } from "node:worker_threads";
import type { RequestAnswer, RequestOrder } from "./certificate-request-worker.ts";

/** A fresh key and the request for its certificate. The key never leaves the proxy. */
export type CertificateRequest = { readonly keyPem: string; readonly csrPem: string };

/** How long the thread outlives its last request: those of one proxy come in a bunch. */
const LINGER_MS = 1000;

/**
 * Makes an ECDSA P-256 key and a PKCS #10 request (RFC 2986). The names in it are hints: the CA knows better.
 * The X.509 library costs 10 MiB for a few requests a day, so it lives in a thread that ends after them.
 */
export function createCertificateRequest(
  commonName: string,
  spiffeId: string | undefined,
): Promise<CertificateRequest> {
  thread ??= new RequestThread(() => {
    thread = undefined;
  });
  return thread.ask(commonName, spiffeId);
}

let thread: RequestThread | undefined;

class RequestThread {
  readonly #worker = new Worker(new URL("./certificate-request-worker.ts", import.meta.url));
  readonly #waiting = new Map<number, PromiseWithResolvers<CertificateRequest>>();
  readonly #onEnd: () => void;
  #lastId = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#worker.on("message", ({ id, keyPem, csrPem }: RequestAnswer) => {
      this.#waiting.get(id)?.resolve({ keyPem, csrPem });
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#endSoon();
    });
    this.#worker.on("error", (error: Error) => this.#end(error));
    this.#worker.on("exit", () => this.#end(new Error("the key-making thread ended")));
  }

  ask(commonName: string, spiffeId: string | undefined): Promise<CertificateRequest> {
    clearTimeout(this.#linger);
    this.#worker.ref();
    const waiter = Promise.withResolvers<CertificateRequest>();
    const id = ++this.#lastId;
    this.#waiting.set(id, waiter);
    const order: RequestOrder = { id, commonName, spiffeId };
    this.#worker.postMessage(order);
    return waiter.promise;
  }

  #endSoon(): void {
    this.#worker.unref();
    this.#linger = setTimeout(() => {
      this.#onEnd(); // whoever asks from now on gets a new thread
      void this.#worker.terminate();
    }, LINGER_MS).unref();
  }

  #end(error: Error): void {
    this.#onEnd();
    for (const waiter of this.#waiting.values()) waiter.reject(error);
    this.#waiting.clear();
  }
}
