import { latin1 } from "./latin1.ts";

/** Methods a proxy passes on: IANA's registry and those in wide use (as llhttp's HTTP list). */
const METHODS: ReadonlySet<string> = new Set([
  ..."GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split(" "),
  ..."ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL LINK LOCK MERGE".split(" "),
  ..."MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH".split(" "),
  ..."PROPFIND PROPPATCH REBIND REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE".split(" "),
  ..."UPDATEREDIRECTREF VERSION-CONTROL M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE SOURCE".split(
    " ",
  ),
]);

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
]);

export const MAX_METHOD_BYTES = 17;

/** The method in `bytes[start, end)`; `undefined`: none this codec passes on. Methods are case-sensitive. */
export function findMethod(bytes: Buffer, start: number, end: number): string | undefined {
  // "GET" and "POST" are nearly all there is; comparing three bytes saves making a string of them.
  const first = bytes[start];
  if (
    end - start === 3 &&
    first === 0x47 &&
    bytes[start + 1] === 0x45 &&
    bytes[start + 2] === 0x54
  ) {
    return "GET";
  }
  if (
    end - start === 4 &&
    first === 0x50 &&
    bytes[start + 1] === 0x4f &&
    bytes[start + 2] === 0x53 &&
    bytes[start + 3] === 0x54
  ) {
    return "POST";
  }
  const method = latin1(bytes, start, end);
  return METHODS.has(method) ? method : undefined;
}

/** Whether the effect of several such requests is that of one (RFC 9110 §9.2.2). */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}
