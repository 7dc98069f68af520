import { login } from "../../../../lib/gateway/login.ts";
import { refuseMethod } from "../../../../lib/gateway/problem-response.ts";

export const dynamic = "force-dynamic";

export const POST = (request: Request): Promise<Response> => login(request, "setup");

const refuse = refuseMethod("POST");

export { refuse as GET, refuse as PUT, refuse as PATCH, refuse as DELETE };
