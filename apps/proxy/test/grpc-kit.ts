import type { TestContext } from "node:test";
import {
  type Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from "@grpc/grpc-js";

const asIs = (bytes: Buffer): Buffer => bytes;
const codec = {
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};

/** A service of bytes with one method of each kind. */
export const Echo = {
  unary: { path: "/test.Echo/Unary", requestStream: false, responseStream: false, ...codec },
  download: { path: "/test.Echo/Download", requestStream: false, responseStream: true, ...codec },
  upload: { path: "/test.Echo/Upload", requestStream: true, responseStream: false, ...codec },
  chat: { path: "/test.Echo/Chat", requestStream: true, responseStream: true, ...codec },
} satisfies ServiceDefinition;

export type EchoHandlers = {
  readonly unary?: handleUnaryCall<Buffer, Buffer>;
  readonly download?: handleServerStreamingCall<Buffer, Buffer>;
  readonly upload?: handleClientStreamingCall<Buffer, Buffer>;
  readonly chat?: handleBidiStreamingCall<Buffer, Buffer>;
};

const LIMITS = { "grpc.max_receive_message_length": 16 * 1_048_576 };

/** A real gRPC server of Echo. */
export async function grpcApp(
  t: TestContext,
  handlers: EchoHandlers,
  port = 0,
): Promise<{ port: number; server: Server }> {
  const server = new Server(LIMITS);
  server.addService(Echo, handlers);
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, found) =>
      error === null ? resolve(found) : reject(error),
    ),
  );
  t.after(() => server.forceShutdown());
  return { port: bound, server };
}

const EchoClient = makeGenericClientConstructor(Echo, "Echo");

/** A real gRPC client of whatever listens on `port`, calling it `authority`. */
export function grpcClient(t: TestContext, port: number, authority: string): Client {
  const client = new EchoClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.default_authority": authority,
    "grpc.enable_retries": 0,
    ...LIMITS,
  });
  t.after(() => client.close());
  return client;
}
