import http2, { type ServerHttp2Stream } from "node:http2";
import net, { type AddressInfo, type Server, type Socket } from "node:net";
import tls from "node:tls";
import { type Scope, TestAuthority } from "@heddle/testkit";

/** Apps that speak something else than HTTP/1.1; ports by version. */
export type StreamApps = {
  /** TCP: the version's greeting first, then an echo. */
  readonly echo: readonly [number, number];
  /** TLS of its own, by a certificate for `*.secure.test`; says the version, then echoes. */
  readonly secure: readonly [number, number];
  /** HTTP/2 without TLS: `grpc-status` and trailers as the path asks for, e.g. `/test.Echo/Status14`. */
  readonly greeter: number;
  /** Who has signed `secure`'s certificate, in PEM. */
  readonly authorityPem: string;
};

export async function startStreamApps(scope: Scope): Promise<StreamApps> {
  const authority = await TestAuthority.create();
  const certificate = await authority.issueServer(["localhost", "*.secure.test"]);
  const secure = (name: string) =>
    listen(
      scope,
      tls.createServer({ key: certificate.keyPem, cert: certificate.chainPem }, greetAndEcho(name)),
    );
  return {
    echo: [
      await listen(scope, net.createServer(greetAndEcho("echo-v1"))),
      await listen(scope, net.createServer(greetAndEcho("echo-v2"))),
    ],
    secure: [await secure("secure-v1"), await secure("secure-v2")],
    greeter: await listen(scope, createGreeter()),
    authorityPem: authority.trustBundlePem,
  };
}

function greetAndEcho(name: string) {
  return (socket: Socket) => {
    socket.on("error", () => undefined); // the caller has gone
    socket.write(`${name}\n`);
    socket.pipe(socket);
  };
}

function createGreeter(): Server {
  const server = http2.createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => undefined);
    const status = /Status(\d+)$/.exec(headers[":path"] ?? "")?.[1] ?? "0";
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "x-app": "greeter" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => {
      stream.sendTrailers({ "grpc-status": status, "grpc-message": `status ${status}` });
    });
    stream.pipe(stream);
  });
  return server;
}

/** Listens on a free port; closed with all its connections when `scope` ends. */
export async function listen(scope: Scope, server: Server, address = "127.0.0.1"): Promise<number> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, address, () => resolve()));
  scope.after(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  );
  return (server.address() as AddressInfo).port;
}
