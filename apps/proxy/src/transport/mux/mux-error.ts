/** Why a multiplexed connection was closed; stable, and the last part of the error's code. */
export type MuxFault =
  | "FRAME_TYPE"
  | "FRAME_FLAG"
  | "FRAME_LENGTH"
  | "FRAME_STREAM"
  | "STREAM_ORDER"
  | "STREAM_IDLE"
  | "STREAM_ENDED"
  | "CREDIT"
  | "WINDOW"
  | "HEAD"
  | "TRAILERS"
  | "FLOOD";

/** The peer does not speak heddle-mux/1: nothing behind the bytes in question can be trusted. */
export class MuxError extends Error {
  override readonly name = "MuxError";
  readonly code: `HEDDLE_MUX_${MuxFault}`;
  readonly fault: MuxFault;

  constructor(fault: MuxFault, message: string) {
    super(message);
    this.code = `HEDDLE_MUX_${fault}`;
    this.fault = fault;
  }
}
