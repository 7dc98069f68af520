import type { FieldBlock } from "@heddle/http1";
import { grpcOutcome, type Outcome } from "@heddle/mesh";
import type { UpstreamFault } from "../transport/failure.ts";
import { GRPC_STATUS_ID } from "../transport/proxy-fields.ts";

const GRPC_UNKNOWN = 2;

/** What an endpoint's answer counts as; `grpcStatus` as it stands in the head, if it does. */
export function outcomeOfAnswer(status: number, grpcStatus: string | undefined): Outcome {
  return grpcStatus === undefined ? status : grpcOutcome(Number(grpcStatus));
}

/** How a gRPC answer ended: one without a status in its trailers broke off. */
export function outcomeOfTrailers(status: number, trailers: FieldBlock | undefined): Outcome {
  if (status !== 200) return status;
  return grpcOutcome(Number(trailers?.findById(GRPC_STATUS_ID) ?? GRPC_UNKNOWN));
}

/** What an end without an answer says of the endpoint, by the flag that stands for it. */
export function outcomeOfEnd(flags: string): Outcome | undefined {
  if (flags.startsWith("DC")) return "cancelled";
  return flags.startsWith("UT") || flags.startsWith("SI") ? "timeout" : undefined;
}

/** `undefined`: no word about the endpoint, a limit of our own was reached. */
export function outcomeOfFault(fault: UpstreamFault): Outcome | undefined {
  switch (fault.kind) {
    case "connect":
      return "connect-failure";
    case "try-timeout":
      return "timeout";
    case "overflow":
      return undefined;
    default:
      return "reset";
  }
}
