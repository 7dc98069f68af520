import type { AttributeValue, LogRecord, TapEvent, TapEventParty } from "@heddle/contracts";

const NANOS_PER_MS = 1e6;

const KINDS: Readonly<Record<string, TapEvent["kind"]>> = {
  "heddle.tap.request": "request",
  "heddle.tap.connection.opened": "connection-opened",
  "heddle.tap.connection.closed": "connection-closed",
  "heddle.tap.connection.refused": "connection-refused",
};
const HEADER = "http.request.header.";
const FAILED_BY = new Set(["app", "outbound-proxy", "inbound-proxy", "network"]);

/** A record a tapped proxy has sent, as the API tells it; `undefined`: none of those. */
export function toTapEvent(record: LogRecord): TapEvent | undefined {
  const kind = KINDS[record.eventName];
  if (kind === undefined) return undefined;
  const { attributes } = record;
  const text = (name: string) => textOf(attributes[name]);
  const count = (name: string) => countOf(attributes[name]);
  const isRequest = kind === "request";
  const isGrpc = text("request_protocol") === "grpc";
  const security = text("connection_security_policy");
  const durationUs = count("heddle.duration_us");
  const failedBy = text("heddle_failed_by");
  const retries = count("retry.count");
  return {
    kind,
    atMs: Number(record.timeUnixNano) / NANOS_PER_MS,
    ...given("durationMs", durationUs && durationUs / 1_000),
    direction: text("reporter") === "source" ? "outbound" : "inbound",
    source: partyOf("source", record),
    destination: partyOf("destination", record),
    protocol: isRequest ? (text("heddle.protocol") ?? "HTTP/1.1") : "TCP",
    ...given("method", text("http.request.method")),
    ...given("authority", text("server.address")),
    ...given("path", text("url.path")),
    ...(isRequest ? { status: countOf(attributes["response_code"]) ?? 0 } : {}),
    ...(isGrpc ? { grpcStatus: text("grpc_response_status") ?? "" } : {}),
    flags: text("response_flags") ?? "-",
    ...(failedBy !== undefined && FAILED_BY.has(failedBy) ? { failedBy } : {}),
    ...given("requestBytes", count("request_size")),
    ...given("responseBytes", count("response_size")),
    ...given("rule", text("heddle.rule")),
    ...given("revision", count("heddle.revision")),
    ...given("endpoint", text("heddle.endpoint")),
    ...given("attempts", retries === undefined ? undefined : retries + 1),
    security: security === "mutual_tls" || security === "none" ? security : "unknown",
    ...given("requestId", text("guid:x-request-id")),
    ...given("traceId", record.traceId || undefined),
    isTraced: text("heddle.traced") === "true",
    headers: headersOf(record),
  };
}

function partyOf(side: "source" | "destination", { attributes }: LogRecord): TapEventParty {
  const text = (name: string) => knownOf(textOf(attributes[name]));
  const workload = text(`${side}_workload`);
  const namespace = text(`${side}_workload_namespace`);
  const isOutside = text("destination_service_name") === "PassthroughCluster";
  const asked = text(isOutside ? "destination_service" : "destination_service_name");
  const service = text(`${side}_canonical_service`) ?? (side === "destination" ? asked : undefined);
  const address = side === "source" ? text("peer.address") : undefined;
  return {
    ...given("workload", workload && namespace && `${namespace}/${workload}`),
    ...given("service", service),
    ...given("version", text(`${side}_canonical_revision`)),
    ...given("principal", text(`${side}_principal`)),
    ...given("address", address ?? (side === "source" ? text("heddle_source_address") : undefined)),
  };
}

function headersOf({ attributes }: LogRecord): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([name]) => name.startsWith(HEADER))
      .map(([name, value]) => [name.slice(HEADER.length), String(value)]),
  );
}

/** Istio's word for what is not known. */
function knownOf(text: string | undefined): string | undefined {
  return text === "unknown" || text === "" ? undefined : text;
}

function textOf(value: AttributeValue | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

function countOf(value: AttributeValue | undefined): number | undefined {
  const number = Number(value);
  return value === undefined || !Number.isSafeInteger(number) || number < 0 ? undefined : number;
}

function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [name in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in Name]: Value });
}
