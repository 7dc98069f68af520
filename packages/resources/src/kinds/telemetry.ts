import { compileLogFilter, InvalidLogFilterError } from "@heddle/mesh";
import { z } from "zod";
import type {
  CustomTag,
  MetricOverride,
  TelemetryDocument,
  TracingRule,
} from "../documents/mesh-documents.ts";
import { differing, fields, ignored, warnIf, withoutEffect } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { durationMs, someText } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";
import { checkTarget, readTarget, targetFields } from "./policy-target.ts";

const MODES = ["CLIENT_AND_SERVER", "CLIENT", "SERVER"] as const;
const METRICS = [
  ...["ALL_METRICS", "REQUEST_COUNT", "REQUEST_DURATION", "REQUEST_SIZE", "RESPONSE_SIZE"],
  ...["TCP_OPENED_CONNECTIONS", "TCP_CLOSED_CONNECTIONS", "TCP_SENT_BYTES", "TCP_RECEIVED_BYTES"],
  ...["GRPC_REQUEST_MESSAGES", "GRPC_RESPONSE_MESSAGES"],
] as const;

const mode = z.enum(MODES).optional();
const providers = z.array(fields({ name: someText })).optional();

const customTag = fields({
  literal: fields({ value: someText }).optional(),
  environment: fields({ name: someText, defaultValue: z.string().optional() }).optional(),
  header: fields({ name: someText, defaultValue: z.string().optional() }).optional(),
  formatter: ignored("Envoy's format strings are not read for tags; use header or literal"),
}).superRefine((written, context) => {
  const kinds = Object.values(written).filter((kind) => kind !== undefined);
  if (kinds.length !== 1)
    context.addIssue("expected exactly one of literal, environment and header");
});

const tracing = fields({
  match: withoutEffect(
    "sampling and tags hold for both sides of a proxy",
    fields({ mode }).optional(),
  ),
  providers: differing(
    "spans go out by OTLP/HTTP to OTEL_EXPORTER_OTLP_ENDPOINT, whatever provider is named",
    providers,
  ),
  randomSamplingPercentage: z
    .number()
    .min(0, "randomSamplingPercentage must be in range [0.0, 100.0]")
    .max(100, "randomSamplingPercentage must be in range [0.0, 100.0]")
    .optional(),
  disableSpanReporting: z.boolean().optional(),
  customTags: z.record(someText, customTag).optional(),
  useRequestIdForTraceSampling: ignored(
    "the decision comes with traceparent, or is drawn at the first proxy",
  ),
  enableIstioTags: ignored("spans always carry Heddle's attributes (docs/architecture.md)"),
  disableContextPropagation: ignored("the trace context is always handed on"),
}).transform((written): TracingRule => {
  const tags = Object.entries(written.customTags ?? {});
  const percent = written.randomSamplingPercentage;
  return {
    mode: written.match?.mode ?? "CLIENT_AND_SERVER",
    providers: (written.providers ?? []).map(({ name }) => name),
    samplingRatio: percent === undefined ? undefined : percent / 100,
    disablesReporting: written.disableSpanReporting,
    customTags:
      written.customTags && Object.fromEntries(tags.flatMap(([name, tag]) => toTag(name, tag))),
  };
});

function toTag(name: string, tag: z.output<typeof customTag>): [string, CustomTag][] {
  const { literal, environment, header } = tag;
  if (literal) return [[name, { literal: literal.value }]];
  const from = environment ?? header;
  if (!from) return [];
  const fallback = from.defaultValue === undefined ? {} : { defaultValue: from.defaultValue };
  return [
    [
      name,
      environment
        ? { environment: from.name, ...fallback }
        : { header: from.name.toLowerCase(), ...fallback },
    ],
  ];
}

const tagOverride = fields({
  operation: z.enum(["UPSERT", "REMOVE"]).optional(),
  value: z.string().optional(),
}).superRefine(({ operation = "UPSERT", value }, context) => {
  if (operation === "UPSERT" && !value)
    context.addIssue("value must be set when operation is UPSERT");
  if (operation === "REMOVE" && value)
    context.addIssue("value must not be set when operation is REMOVE");
});

const override = fields({
  match: fields({
    metric: z.enum(METRICS).optional(),
    customMetric: someText.optional(),
    mode,
  })
    .refine(
      ({ metric, customMetric }) => metric === undefined || customMetric === undefined,
      "expected one of metric and customMetric, not both",
    )
    .optional(),
  disabled: z.boolean().optional(),
  tagOverrides: z.record(z.string(), tagOverride).optional(),
}).transform(
  ({ match, disabled, tagOverrides }): MetricOverride => ({
    mode: match?.mode ?? "CLIENT_AND_SERVER",
    metric: match?.customMetric ?? match?.metric ?? "ALL_METRICS",
    isDisabled: disabled,
    tags: Object.fromEntries(
      Object.entries(tagOverrides ?? {}).map(([name, { value }]) => [name, value || undefined]),
    ),
  }),
);

const metrics = withoutEffect(
  "proxies count every request exactly, with Istio's names and labels, and change neither",
  z
    .array(
      fields({
        providers,
        overrides: z.array(override).optional(),
        reportingInterval: durationMs.optional(),
      }),
    )
    .optional(),
);

const logFilter = z.string().superRefine((expression, context) => {
  try {
    compileLogFilter(expression);
  } catch (error) {
    if (!(error instanceof InvalidLogFilterError)) throw error;
    context.addIssue(error.message);
  }
});

const accessLogging = fields({
  match: withoutEffect("a proxy logs both sides or neither", fields({ mode }).optional()),
  providers: differing(
    "a proxy writes its log to its own standard output, whatever provider is named",
    providers,
  ),
  disabled: z.boolean().optional(),
  filter: fields({
    expression: differing(
      "comparisons of response.code, response.grpc_status, request.duration, request.size and response.size, joined by &&, || and !, are evaluated; other CEL is refused",
      logFilter.optional(),
    ),
  }).optional(),
});

const spec = warnIf(
  fields({
    ...targetFields,
    tracing: z.array(tracing).optional(),
    metrics,
    accessLogging: z.array(accessLogging).optional(),
  }).superRefine(checkTarget),
  ({ tracing = [] }) =>
    tracing.length > 1
      ? [
          {
            at: ["tracing", 1],
            message:
              "multiple tracing is not currently supported, as in Istio: the first entry holds",
          },
        ]
      : undefined,
);

export const TelemetrySchema = documentOf(spec.default({})).transform(
  ({ metadata: { namespace, name }, spec }): TelemetryDocument => ({
    kind: "Telemetry",
    namespace,
    name,
    ...readTarget(spec),
    tracing: spec.tracing ?? [],
    metrics: (spec.metrics ?? []).map(({ providers = [], overrides = [] }) => ({
      providers: providers.map(({ name }) => name),
      overrides,
    })),
    accessLogging: (spec.accessLogging ?? []).map((written) =>
      withoutUndefined({
        mode: written.match?.mode ?? ("CLIENT_AND_SERVER" as const),
        providers: (written.providers ?? []).map(({ name }) => name),
        isDisabled: written.disabled ?? false,
        filter: written.filter?.expression,
      }),
    ),
  }),
);
