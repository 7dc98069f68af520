import type { Http2Stream } from "node:http2";

/**
 * Resets a stream once what is being read of its connection was read: a stream closed within that, its
 * own message unfinished, makes Node's HTTP/2 end the whole process (`Http2Stream::OnTrailers`, an
 * assertion nobody can catch).
 */
export function closeSoon(stream: Http2Stream, code: number): void {
  setImmediate(() => {
    if (!stream.closed) stream.close(code);
  });
}
