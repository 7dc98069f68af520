"use client";
import type { GraphEdge, GraphNode, TrafficFeature } from "@heddle/contracts";
import Link from "next/link";
import { formatCount, formatShare } from "../../lib/numbers.ts";
import { useTrafficFeatures } from "../../lib/queries/use-traffic.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PanelSection } from "../../ui/side-panel.tsx";
import { newRuleHref, ruleHref } from "../rules/rule-href.ts";
import { FeatureIcon } from "./feature-icon.tsx";
import styles from "./rules-in-force.module.css";
import { FEATURE_WORDS, featuresFor, trafficOf } from "./traffic-features.ts";

/** The rules that shape this traffic, each with the document it stands in, and what they have done. */
export function RulesInForce({
  destination,
  caller,
  edge,
}: {
  readonly destination: GraphNode | undefined;
  /** Of an edge; absent: the rules for all callers of the node. */
  readonly caller?: GraphNode | undefined;
  readonly edge?: GraphEdge | undefined;
}) {
  const { data, isError, error, refetch } = useTrafficFeatures();
  const features = featuresFor(trafficOf(data, destination), caller);
  const effects = edge === undefined ? [] : effectsOf(edge);
  if (isError && data === undefined) {
    return (
      <PanelSection title="Rules in force">
        <ErrorPart
          title="The rules could not be read"
          detail={error.message}
          onRetry={() => void refetch()}
        />
      </PanelSection>
    );
  }
  const service = destination?.service;
  if (data === undefined || destination === undefined || service === undefined) return null;
  return (
    <PanelSection
      title="Rules in force"
      caption={
        <Link href={newRuleHref(`${destination.namespace}/${service}`)}>
          New rule for {service}
        </Link>
      }
    >
      {features.length === 0 && effects.length === 0 && (
        <p className={styles.effects}>No document shapes this traffic.</p>
      )}
      <ul className={styles.rules}>
        {features.map((feature) => (
          <Rule
            key={`${feature.kind} ${feature.part} ${feature.document.kind} ${feature.document.name} ${feature.detail}`}
            feature={feature}
          />
        ))}
      </ul>
      {effects.length > 0 && (
        <p className={styles.effects}>In this window: {effects.join(", ")}.</p>
      )}
    </PanelSection>
  );
}

function Rule({ feature }: { readonly feature: TrafficFeature }) {
  const { kind, detail, document, part, source } = feature;
  const name = `${document.namespace}/${document.name}`;
  return (
    <li>
      <FeatureIcon kind={kind} />
      <span>
        <b>{FEATURE_WORDS[kind]}:</b> {detail}
        <span className={styles.origin}>
          <Link href={ruleHref(document)}>
            {document.kind} {name}
          </Link>
          {part !== undefined && `, ${part}`}
          {source?.labels !== undefined && `, for callers with ${labelsInWords(source.labels)}`}
        </span>
      </span>
    </li>
  );
}

function labelsInWords(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}

function effectsOf({ events, signals }: GraphEdge): string[] {
  if (events === undefined) return [];
  const share = (count: number) =>
    signals.requests === 0 ? "" : ` (${formatShare(count / signals.requests)} of requests)`;
  const words: string[] = [];
  if (events.retries > 0)
    words.push(`${formatCount(events.retries)} retries${share(events.retries)}`);
  if (events.mirrored > 0) words.push(`${formatCount(events.mirrored)} copies sent`);
  if (events.faultsInjected > 0) {
    words.push(
      `${formatCount(events.faultsInjected)} faults injected${share(events.faultsInjected)}`,
    );
  }
  return words;
}
