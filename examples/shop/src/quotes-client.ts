import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadQuotes, type Quote, type QuoteRequest } from "./quotes-proto.ts";

const DEADLINE_MS = 5000;

type QuotesStub = {
  getQuote(
    request: QuoteRequest,
    metadata: Metadata,
    options: { deadline: number },
    callback: (error: ServiceError | null, quote?: Quote) => void,
  ): void;
  close(): void;
};

/** Calls a gRPC service through the outbound port of the sidecar: the authority says whom. */
export class QuotesClient {
  readonly #stub: QuotesStub;
  #orders = 0;

  constructor(outboundUrl: string, service: string) {
    const Quotes = loadQuotes();
    this.#stub = new Quotes(new URL(outboundUrl).host, credentials.createInsecure(), {
      "grpc.default_authority": service,
    }) as unknown as QuotesStub;
  }

  /** True when the service gave a quote. Never rejects. */
  call(headers: Readonly<Record<string, string>>): Promise<boolean> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    this.#orders += 1;
    const request = { order: `order-${this.#orders}` };
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve) => {
      this.#stub.getQuote(request, metadata, options, (error) => resolve(error === null));
    });
  }

  close(): void {
    this.#stub.close();
  }
}
