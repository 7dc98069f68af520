import { STATUS_CODES } from "node:http";
import type { Problem } from "@heddle/contracts";

/** An RFC 9457 problem; `errors` names each fault of the input. */
export function problem(
  status: number,
  code: `HEDDLE_${string}`,
  detail: string,
  errors?: readonly { readonly field: string; readonly message: string }[],
): Problem {
  const kebab = code.replace("HEDDLE_", "").toLowerCase().replaceAll("_", "-");
  return {
    type: `urn:heddle:error:${kebab}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    code,
    ...(errors === undefined ? {} : { errors: [...errors] }),
  };
}
