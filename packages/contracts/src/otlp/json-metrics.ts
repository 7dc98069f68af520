import { temporalityOf } from "./decode-metrics.ts";
import {
  asObject,
  attributesOf,
  countOf,
  integerOf,
  type JsonObject,
  listOf,
  nanosOf,
  numberOf,
  objectOf,
  parseJsonObject,
  textOf,
} from "./json-fields.ts";
import {
  DEFAULT_OTLP_LIMITS,
  DecodeBudget,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type Metric,
  type NumberPoint,
  type OtlpLimits,
  type ResourceMetrics,
} from "./telemetry.ts";

/** Decodes an `ExportMetricsServiceRequest` in OTLP/JSON. Throws `OtlpDecodeError`. */
export function decodeMetricsJson(
  body: Uint8Array,
  limits: OtlpLimits = DEFAULT_OTLP_LIMITS,
): ResourceMetrics[] {
  const budget = new DecodeBudget(limits);
  const request = parseJsonObject(body);
  return listOf(request["resourceMetrics"], "resourceMetrics").map((entry) => {
    const holder = asObject(entry, "resourceMetrics");
    return {
      resource: attributesOf(objectOf(holder["resource"], "resource"), budget),
      metrics: listOf(holder["scopeMetrics"], "scopeMetrics").flatMap((scope) =>
        listOf(asObject(scope, "scopeMetrics")["metrics"], "metrics").map((metric) =>
          toMetric(asObject(metric, "metrics"), budget),
        ),
      ),
    };
  });
}

function toMetric(metric: JsonObject, budget: DecodeBudget): Metric {
  const name = textOf(metric["name"], "name");
  if (metric["sum"]) {
    const sum = asObject(metric["sum"], "sum");
    const isMonotonic = sum["isMonotonic"] === true;
    return { kind: "sum", name, isMonotonic, ...bodyOf(sum, budget, toNumberPoint) };
  }
  if (metric["histogram"]) {
    const histogram = asObject(metric["histogram"], "histogram");
    return { kind: "histogram", name, ...bodyOf(histogram, budget, toHistogramPoint) };
  }
  if (metric["exponentialHistogram"]) {
    const histogram = asObject(metric["exponentialHistogram"], "exponentialHistogram");
    return {
      kind: "exponential-histogram",
      name,
      ...bodyOf(histogram, budget, toExponentialPoint),
    };
  }
  if (metric["gauge"]) {
    const { points } = bodyOf(asObject(metric["gauge"], "gauge"), budget, toNumberPoint);
    return { kind: "gauge", name, points };
  }
  const other = objectOf(metric["summary"], "summary");
  return { kind: "ignored", name, pointCount: listOf(other["dataPoints"], "dataPoints").length };
}

function bodyOf<Point>(
  body: JsonObject,
  budget: DecodeBudget,
  toPoint: (point: JsonObject, budget: DecodeBudget) => Point,
) {
  return {
    temporality: temporalityOf(integerOf(body["aggregationTemporality"], "aggregationTemporality")),
    points: listOf(body["dataPoints"], "dataPoints").map((point) => {
      budget.takeItem();
      return toPoint(asObject(point, "dataPoints"), budget);
    }),
  };
}

function pointHead(point: JsonObject, budget: DecodeBudget) {
  return {
    attributes: attributesOf(point, budget),
    startUnixNano: nanosOf(point["startTimeUnixNano"], "startTimeUnixNano"),
    timeUnixNano: nanosOf(point["timeUnixNano"], "timeUnixNano"),
  };
}

function toNumberPoint(point: JsonObject, budget: DecodeBudget): NumberPoint {
  const value = numberOf(point["asInt"] ?? point["asDouble"], "asInt");
  return { ...pointHead(point, budget), value };
}

function sumOf(point: JsonObject): number | undefined {
  return point["sum"] === undefined ? undefined : numberOf(point["sum"], "sum");
}

function countsOf(value: unknown, field: string, budget: DecodeBudget): number[] {
  const list = listOf(value, field);
  budget.takeElements(list.length);
  return list.map((count) => countOf(count, field));
}

function toHistogramPoint(point: JsonObject, budget: DecodeBudget): HistogramPoint {
  const bounds = listOf(point["explicitBounds"], "explicitBounds");
  budget.takeElements(bounds.length);
  return {
    ...pointHead(point, budget),
    count: countOf(point["count"], "count"),
    sum: sumOf(point),
    bounds: bounds.map((bound) => numberOf(bound, "explicitBounds")),
    counts: countsOf(point["bucketCounts"], "bucketCounts", budget),
  };
}

function toExponentialPoint(point: JsonObject, budget: DecodeBudget): ExponentialHistogramPoint {
  const positive = objectOf(point["positive"], "positive");
  return {
    ...pointHead(point, budget),
    count: countOf(point["count"], "count"),
    sum: sumOf(point),
    scale: integerOf(point["scale"], "scale"),
    zeroCount: countOf(point["zeroCount"], "zeroCount"),
    offset: integerOf(positive["offset"], "positive.offset"),
    counts: countsOf(positive["bucketCounts"], "positive.bucketCounts", budget),
  };
}
