import { finishOidc } from "../../../../../../lib/gateway/oidc.ts";

export const dynamic = "force-dynamic";

export const GET = (request: Request): Promise<Response> => finishOidc(request);
