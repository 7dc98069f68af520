import type { Problem } from "@heddle/contracts";

/** An RFC 9457 answer of the console itself: `code` is `HEDDLE_…`, `detail` a sentence for people. */
export function problemResponse(
  status: number,
  code: string,
  title: string,
  detail: string,
): Response {
  const kebab = code
    .replace(/^HEDDLE_/, "")
    .toLowerCase()
    .replaceAll("_", "-");
  const problem: Problem = { type: `urn:heddle:error:${kebab}`, title, status, detail, code };
  return Response.json(problem, {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store" },
  });
}
