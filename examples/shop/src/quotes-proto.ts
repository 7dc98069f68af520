import { join } from "node:path";
import {
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export type QuoteRequest = { readonly order: string };
export type Quote = { readonly order: string; readonly cents: number };

/** The service of proto/quotes.proto, for its server and its clients. */
export function loadQuotes(): ServiceClientConstructor {
  const file = join(import.meta.dirname, "../proto/quotes.proto");
  const loaded = loadPackageDefinition(loadSync(file));
  return (loaded["shop"] as GrpcObject)["Quotes"] as ServiceClientConstructor;
}
