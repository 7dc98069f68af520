import type { TelemetryWire } from "@heddle/contracts";
import type { AccessLoggingRule, TracingRule } from "@heddle/resources";
import type { DocumentOf } from "./mesh-document.ts";

/**
 * Folds the Telemetry documents of a workload: the mesh's, its namespace's, then those that select it;
 * a field said later takes the place of one said before, and custom tags do so as a whole (Istio).
 * `undefined`: none says anything a proxy does not do by itself.
 */
export function compileTelemetry(
  documents: readonly DocumentOf<"Telemetry">[],
  rootNamespace: string,
): TelemetryWire | undefined {
  const ranked = documents.toSorted((a, b) => rankOf(a, rootNamespace) - rankOf(b, rootNamespace));
  const wire = ranked.reduce<TelemetryWire>(
    (folded, { resource }) => ({
      ...foldLogging(folded, resource.accessLogging),
      ...foldTracing(resource.tracing),
    }),
    {},
  );
  return Object.keys(wire).length === 0 ? undefined : wire;
}

function rankOf({ resource }: DocumentOf<"Telemetry">, rootNamespace: string): number {
  if (resource.selector !== undefined) return 2;
  return resource.namespace === rootNamespace ? 0 : 1;
}

function foldTracing(rules: readonly TracingRule[]): TelemetryWire {
  return rules.reduce<TelemetryWire>((folded, rule) => {
    const { samplingRatio, disablesReporting, customTags } = rule;
    return {
      ...folded,
      ...(samplingRatio === undefined ? {} : { samplingRatio }),
      ...(disablesReporting === undefined ? {} : { reportsSpans: !disablesReporting }),
      ...(customTags === undefined ? {} : { customTags }),
    };
  }, {});
}

/** A rule replaces the one before as a whole: with its filter, or without one. */
function foldLogging(folded: TelemetryWire, rules: readonly AccessLoggingRule[]): TelemetryWire {
  const last = rules.at(-1);
  if (!last) return folded;
  const { accessLogFilter: _, ...rest } = folded;
  if (last.isDisabled) return { ...rest, accessLog: "off" };
  const filter = last.filter === undefined ? {} : { accessLogFilter: last.filter };
  return { ...rest, accessLog: "all", ...filter };
}
