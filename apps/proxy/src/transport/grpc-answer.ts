import type { FieldBlock } from "@heddle/http1";
import { GRPC_STATUS, grpcStatusOfHttp, httpStatusOfGrpc } from "@heddle/mesh";
import type { OwnAnswer } from "./failure.ts";

const GRPC = "application/grpc";
/** gRPC's own length; what does not fit is of no use in a status line. */
const MAX_MESSAGE_LENGTH = 1_024;

/** Whether a request's or answer's `content-type` says gRPC, with whatever message format; gRPC-Web is none. */
export function isGrpc(fields: FieldBlock): boolean {
  const index = fields.indexOf("content-type", 0);
  if (index < 0) return false;
  const type = fields.valueAt(index);
  if (!type.startsWith(GRPC)) return false;
  const next = type.charAt(GRPC.length);
  return next === "" || next === "+" || next === ";";
}

/** Whether a status is one that HTTP would say with 5xx; an empty or absent one is none. */
export function isGrpcFailure(grpcStatus: string | undefined): boolean {
  if (grpcStatus === undefined || grpcStatus === "" || grpcStatus === "0") return false;
  return httpStatusOfGrpc(Number(grpcStatus)) >= 500;
}

/**
 * A proxy's own answer as gRPC's callers understand it (gRPC over HTTP2, "Trailers-Only"): 200 with the
 * status that corresponds to the HTTP one, and what the body would have said as the message.
 */
export function toGrpcAnswer(answer: OwnAnswer): OwnAnswer {
  const given = answer.fields.find(([name]) => name === "grpc-status")?.[1];
  const isTimeout = answer.flag === "UT" || answer.flag === "SI";
  const code = isTimeout ? GRPC_STATUS.DEADLINE_EXCEEDED : grpcStatusOfHttp(answer.status);
  const grpcStatus = given ?? String(code);
  const text = answer.body?.toString("utf8").trim() ?? "";
  const fields: [string, string][] = [
    ["content-type", GRPC],
    ["grpc-status", grpcStatus],
    ["grpc-message", encodeMessage(text.slice(0, MAX_MESSAGE_LENGTH))],
  ];
  for (const [name, value] of answer.fields) {
    if (name !== "content-type" && name !== "grpc-status") fields.push([name, value]);
  }
  return { ...answer, status: 200, fields, body: undefined, grpcStatus };
}

/** Percent-encoding as gRPC wants it: everything but printable ASCII, and the percent sign. */
function encodeMessage(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
