import { startOidc } from "../../../../../lib/gateway/oidc.ts";
import { refuseMethod } from "../../../../../lib/gateway/problem-response.ts";

export const dynamic = "force-dynamic";

export const GET = (request: Request): Promise<Response> => startOidc(request);

const refuse = refuseMethod("GET", "HEAD");

export { refuse as POST, refuse as PUT, refuse as PATCH, refuse as DELETE };
