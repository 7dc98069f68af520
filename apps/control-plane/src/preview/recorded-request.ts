import type { RecordedRequest } from "@heddle/mesh";
import type { SampledRequest } from "@heddle/store";

/** `outbound|9080|v1|reviews.shop.svc.cluster.local` taken apart. */
export type ReachedCluster = {
  readonly host: string;
  readonly subset: string;
  readonly port: number | undefined;
};

/** `undefined`: the request reached no destination of the mesh's rules. */
export function parseCluster(cluster: string | null): ReachedCluster | undefined {
  const parts = cluster?.split("|") ?? [];
  const [direction, port = "", subset = "", host = ""] = parts;
  if (direction !== "outbound" || parts.length !== 4 || host === "") return undefined;
  return { host, subset, port: port === "" ? undefined : Number(port) };
}

/** A span's request as rules look at it. What the span does not tell is unknown, not absent. */
export function toRecordedRequest(
  sample: SampledRequest,
  about: Pick<RecordedRequest, "wentTo" | "rule">,
): RecordedRequest {
  const headers = sample.headers ?? {};
  const absent = new Set(sample.absent?.split(",") ?? []);
  return {
    method: sample.method,
    path: sample.path,
    authority: sample.authority ?? "",
    scheme: "http",
    port: parseCluster(sample.cluster)?.port,
    durationMs: sample.durationMs,
    flags: sample.flags,
    status: sample.status,
    retries: sample.retries,
    ...about,
    knowsHeader: (name) => Object.hasOwn(headers, name) || absent.has(name),
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
  };
}
