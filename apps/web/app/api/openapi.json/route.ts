import { serveOpenApi } from "../../../lib/gateway/openapi.ts";
import { refuseMethod } from "../../../lib/gateway/problem-response.ts";

export const dynamic = "force-dynamic";

export const GET = (request: Request): Promise<Response> => serveOpenApi(request);

const refuse = refuseMethod("GET", "HEAD");

export { refuse as DELETE, refuse as PATCH, refuse as POST, refuse as PUT };
