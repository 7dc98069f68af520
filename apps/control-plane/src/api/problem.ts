import { STATUS_CODES } from "node:http";
import type { Problem } from "@heddle/contracts";

/** A problem of the proxies' port, whose codes are its own; those of the API are made by `toProblem`. */
export function problem(status: number, code: `HEDDLE_${string}`, detail: string): Problem {
  const kebab = code.replace("HEDDLE_", "").toLowerCase().replaceAll("_", "-");
  const title = STATUS_CODES[status] ?? "Error";
  return { type: `urn:heddle:error:${kebab}`, title, status, detail, code };
}

/** The answer that carries a problem; `headers` beyond its content type. */
export function problemResponse(
  body: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(body, {
    status: body.status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
