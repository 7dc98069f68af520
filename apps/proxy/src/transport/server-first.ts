import type { ByteStream, ByteStreamHandler } from "./byte-stream.ts";
import type { TcpFlow } from "./tcp-flow.ts";

/**
 * Calls `onServerFirst` if the upstream of a connection just opened speaks before its client does: a
 * client that only keeps silent for a while (a connection opened ahead of need) proves nothing.
 */
export function watchServerFirst(
  upstream: ByteStream,
  flow: TcpFlow,
  onServerFirst: () => void,
): void {
  const usual = upstream.handler;
  const watching: ByteStreamHandler = {
    onData(bytes, start, end) {
      upstream.handler = usual;
      if (flow.upBytes === 0) onServerFirst();
      usual.onData(bytes, start, end);
    },
    onEnd: () => usual.onEnd(),
    onDrain: () => usual.onDrain(),
    onClose: (error) => usual.onClose(error),
  };
  upstream.handler = watching;
}
