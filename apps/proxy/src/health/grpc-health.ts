// grpc.health.v1 (github.com/grpc/grpc/blob/master/doc/health-checking.md), by hand: two messages of one field.

const FRAME_HEAD_BYTES = 5;
const SERVICE_TAG = 0x0a; // field 1, length-delimited
const STATUS_TAG = 0x08; // field 1, varint

/** The statuses of HealthCheckResponse; anything else is UNKNOWN. */
const STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;
export type ServingStatus = (typeof STATUSES)[number];

/** A framed HealthCheckRequest; `service` has at most 256 characters. */
export function writeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service, "utf8");
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([tagged(name.length), name]);
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The status in a framed HealthCheckResponse. What is no such message, or says nothing, is UNKNOWN. */
export function readServingStatus(frame: Buffer): ServingStatus {
  const isWhole = frame.length >= FRAME_HEAD_BYTES && frame[0] === 0;
  if (!isWhole || frame.readUInt32BE(1) !== frame.length - FRAME_HEAD_BYTES) return "UNKNOWN";
  if (frame[FRAME_HEAD_BYTES] !== STATUS_TAG) return "UNKNOWN";
  return STATUSES[frame[FRAME_HEAD_BYTES + 1] ?? 0] ?? "UNKNOWN";
}

/** The tag and a length below 2^14 as a varint. */
function tagged(length: number): Buffer {
  return length < 0x80
    ? Buffer.from([SERVICE_TAG, length])
    : Buffer.from([SERVICE_TAG, (length & 0x7f) | 0x80, length >> 7]);
}
