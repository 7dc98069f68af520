import { forward } from "../../../../lib/gateway/forward.ts";

export const dynamic = "force-dynamic";

const handle = (request: Request): Promise<Response> => forward(request);

export const GET = handle;
export const POST = handle;
export const PUT = handle;
export const PATCH = handle;
export const DELETE = handle;
