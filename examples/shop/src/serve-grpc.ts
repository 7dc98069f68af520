import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { loadQuotes, type Quote, type QuoteRequest } from "./quotes-proto.ts";

/** Serves gRPC on the port; `answer` resolves after the call's latency, to whether it succeeds. */
export function serveGrpc(port: number, answer: () => Promise<boolean>): () => void {
  const server = new Server();
  server.addService(loadQuotes().service, {
    getQuote: (call: ServerUnaryCall<QuoteRequest, Quote>, respond: sendUnaryData<Quote>) => {
      void answer().then((isGood) => {
        if (isGood) respond(null, { order: call.request.order, cents: 499 });
        else respond({ code: status.INTERNAL, details: "no carrier answered" });
      });
    },
  });
  server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
  });
  return () => server.forceShutdown();
}
