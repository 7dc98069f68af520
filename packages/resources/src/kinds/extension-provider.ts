import type { ExternalAuthorizer } from "@heddle/mesh";
import { z } from "zod";
import type { ExtensionProvider } from "../documents/mesh-documents.ts";
import { differing, fields, ignored, unserved, withoutEffect } from "../schema/field-status.ts";
import { durationMs, port, someText } from "./fields.ts";

/** Istio waits ten minutes; a request that hangs so long has long been given up by its caller. */
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_STATUS_ON_ERROR = 403;
const MAX_BODY_BYTES = 1_048_576;
const OF_TELEMETRY = "telemetry goes where OTEL_EXPORTER_OTLP_ENDPOINT says";
const FIELD_NAME = /^[!#$%&'+.^_`|~0-9A-Za-z-]+$/;

/** A header's name; exact, or with a star at one end. */
const namePattern = z
  .string()
  .refine(
    (text) => text === "*" || FIELD_NAME.test(text.replace(/^\*|\*$/, "")),
    'expected the name of a header, or one with a star at one end, such as "x-auth-*"',
  )
  .transform((text) => text.toLowerCase());
const names = z.array(namePattern).max(256).optional();

const statusOnError = z
  .union([z.string(), z.number().transform(String)])
  .refine(
    (text) => /^[2-5]\d\d$/.test(text),
    'expected an HTTP status from 200 to 599 in quotes, such as "503"',
  )
  .transform(Number);

/** `[namespace/]host`. */
const service = z
  .string()
  .max(320)
  .regex(
    /^([a-z0-9-]+\/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/,
    'expected a host name or an address, such as "ext-authz.shop.svc.cluster.local"',
  )
  .transform((text) => text.slice(text.indexOf("/") + 1).toLowerCase());

const addedHeaders = z
  .record(
    z
      .string()
      .regex(FIELD_NAME, "expected the name of a header")
      .transform((name) => name.toLowerCase()),
    z.string().regex(/^[\t\x20-\x7e]*$/, "expected printable ASCII"),
  )
  .optional();

const envoyExtAuthzHttp = fields({
  service,
  port,
  timeout: differing("10 s where it is left out; Istio waits for 10 min", durationMs.optional()),
  pathPrefix: z
    .string()
    .regex(/^(\/[\x21-\x7e]*)?$/, "expected a path that begins with /")
    .optional(),
  failOpen: z.boolean().optional(),
  clearRouteCache: withoutEffect(
    "what an authorizer adds to a request changes no route: it came to this workload already",
    z.boolean().optional(),
  ),
  statusOnError: statusOnError.optional(),
  includeHeadersInCheck: names,
  includeRequestHeadersInCheck: names,
  includeAdditionalHeadersInCheck: addedHeaders,
  includeRequestBodyInCheck: fields({
    maxRequestBytes: z
      .number()
      .int()
      .min(1)
      .max(
        MAX_BODY_BYTES,
        `expected at most ${MAX_BODY_BYTES}: every request's body is held so far`,
      ),
    allowPartialMessage: z.boolean().optional(),
    packAsBytes: withoutEffect(
      "over HTTP the body goes as the bytes it is",
      z.boolean().optional(),
    ),
  }).optional(),
  headersToUpstreamOnAllow: names,
  headersToDownstreamOnDeny: names,
  headersToDownstreamOnAllow: names,
}).transform((spec): Omit<ExternalAuthorizer, "name"> => {
  const body = spec.includeRequestBodyInCheck;
  return {
    host: spec.service,
    port: spec.port,
    pathPrefix: (spec.pathPrefix ?? "").replace(/\/$/, ""),
    timeoutMs: spec.timeout ?? DEFAULT_TIMEOUT_MS,
    failsOpen: spec.failOpen ?? false,
    statusOnError: spec.statusOnError ?? DEFAULT_STATUS_ON_ERROR,
    requestHeaders: spec.includeRequestHeadersInCheck ?? spec.includeHeadersInCheck ?? [],
    addedHeaders: spec.includeAdditionalHeadersInCheck ?? {},
    headersToUpstream: spec.headersToUpstreamOnAllow ?? [],
    headersToDownstreamOnAllow: spec.headersToDownstreamOnAllow ?? [],
    headersToDownstreamOnDeny: spec.headersToDownstreamOnDeny ?? [],
    ...(body && {
      body: { maxBytes: body.maxRequestBytes, allowsPartial: body.allowPartialMessage ?? false },
    }),
  };
});

const TELEMETRY_KINDS = [
  ...["zipkin", "lightstep", "datadog", "stackdriver", "opencensus", "skywalking"],
  ...["opentelemetry", "prometheus", "envoyFileAccessLog", "envoyHttpAls", "envoyTcpAls"],
  ...["envoyOtelAls", "sds"],
];

/** One of MeshConfig's `extensionProviders`: a name and exactly one kind. */
export const extensionProvider = fields({
  name: someText,
  envoyExtAuthzHttp: envoyExtAuthzHttp.optional(),
  envoyExtAuthzGrpc: unserved(
    "authorizers are asked over HTTP; most of them take both, else put an adapter before it",
  ),
  ...Object.fromEntries(TELEMETRY_KINDS.map((kind) => [kind, ignored(OF_TELEMETRY)])),
}).transform(({ name, envoyExtAuthzHttp, ...others }, context): ExtensionProvider => {
  const kinds = Object.entries(others).filter(([, spec]) => spec !== undefined);
  const given = [...kinds.map(([kind]) => kind), ...(envoyExtAuthzHttp ? [HTTP] : [])];
  const [type, ...more] = given;
  if (type === undefined || more.length > 0) {
    context.addIssue(
      "expected a name and exactly one kind of provider, such as envoyExtAuthzHttp or opentelemetry",
    );
    return z.NEVER;
  }
  return envoyExtAuthzHttp === undefined
    ? { name, type }
    : { name, type, authorizer: { name, ...envoyExtAuthzHttp } };
});
const HTTP = "envoyExtAuthzHttp";
