import { problemResponse } from "../../../lib/gateway/problem-response.ts";

export const dynamic = "force-dynamic";

/** What no other address under `/api` is: programs that ask get a problem, not a page. */
const handle = (request: Request): Response => {
  const { pathname } = new URL(request.url);
  return problemResponse("HEDDLE_NOT_FOUND", `The API has no ${pathname}.`);
};

export const GET = handle;
export const POST = handle;
export const PUT = handle;
export const PATCH = handle;
export const DELETE = handle;
