import { httpStatusOfGrpc } from "@heddle/mesh";

/** No answer, one from 500 on, or a gRPC status that HTTP would say with 5xx. */
export function isFailure(status: number, grpcStatus: string | undefined): boolean {
  if (status === 0 || status >= 500) return true;
  if (grpcStatus === undefined || grpcStatus === "" || grpcStatus === "0") return false;
  return httpStatusOfGrpc(Number(grpcStatus)) >= 500;
}
