import { login } from "../../../../lib/gateway/login.ts";

export const dynamic = "force-dynamic";

export const POST = (request: Request): Promise<Response> => login(request, "setup");
