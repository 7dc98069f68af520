"use client";
import type { Canary, GraphNode, GraphSnapshot } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { PanelSection, SidePanel } from "../../ui/side-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { EdgePanel } from "./edge-panel.tsx";
import type { Card, GraphModel } from "./graph-model.ts";
import { graphSnapshotQuery, pastGraphQuery } from "./graph-queries.ts";
import { NodePanel } from "./node-panel.tsx";
import { PanelTitle } from "./panel-head.tsx";
import panelStyles from "./panels.module.css";
import { usePastMs } from "./past-moment.tsx";

/** The service as a whole changes as its versions do; asked this often while it is shown. */
const SERVICE_EVERY_MS = 2000;

/** The panel for what the URL says is selected; nothing selected, no panel. */
export function SelectionPanel({
  snapshot,
  model,
  windowMs,
  selected,
  canaries,
  onSelect,
  onClose,
}: {
  readonly snapshot: GraphSnapshot;
  readonly model: GraphModel;
  readonly windowMs: number;
  readonly selected: string | undefined;
  readonly canaries: readonly Canary[];
  readonly onSelect: (id: string) => void;
  readonly onClose: () => void;
}) {
  if (selected === undefined) return null;
  const edge = snapshot.edges.find((one) => one.id === selected);
  if (edge !== undefined) {
    const destination = snapshot.nodes.find((node) => node.id === edge.destination);
    const canary = canaryOf(canaries, destination);
    return (
      <EdgePanel
        key={edge.id}
        edge={edge}
        snapshot={snapshot}
        canary={canary}
        denied={model.threads.find(({ id }) => id === edge.id)?.denied}
        onClose={onClose}
      />
    );
  }
  const card = model.cards.find(
    (one) => one.id === selected || one.rows.some((row) => row.id === selected),
  );
  if (card === undefined) return <GonePanel selected={selected} onClose={onClose} />;
  const parts = { card, model, snapshot, canary: card.canary, onSelect, onClose };
  const own = card.rows.find((row) => row.id === selected) ?? onlyRow(card);
  if (own !== undefined) return <NodePanel key={own.id} node={own.node} {...parts} />;
  return <ServicePanel key={card.id} windowMs={windowMs} {...parts} />;
}

/** Percentiles of several versions cannot be added up here: the collector answers for the service. */
function ServicePanel({
  windowMs,
  ...parts
}: Omit<Parameters<typeof NodePanel>[0], "node"> & { readonly windowMs: number }) {
  const pastMs = usePastMs();
  const { data } = useQuery({
    ...(pastMs === undefined
      ? graphSnapshotQuery(windowMs, "service")
      : pastGraphQuery(pastMs, windowMs, "service")),
    refetchInterval: pastMs === undefined ? SERVICE_EVERY_MS : false,
  });
  const node = data?.nodes.find((one) => one.id === parts.card.id);
  if (node === undefined) {
    return (
      <SidePanel label={parts.card.title}>
        <PanelSection title={parts.card.title}>
          <Skeleton heightPx={120} />
        </PanelSection>
      </SidePanel>
    );
  }
  return <NodePanel node={node} {...parts} />;
}

function onlyRow(card: Card) {
  return card.rows.length === 1 ? card.rows[0] : undefined;
}

function canaryOf(canaries: readonly Canary[], node: GraphNode | undefined): Canary | undefined {
  return canaries.find((one) => one.namespace === node?.namespace && one.service === node?.service);
}

function GonePanel({
  selected,
  onClose,
}: {
  readonly selected: string;
  readonly onClose: () => void;
}) {
  return (
    <SidePanel label="Selection">
      <PanelSection>
        <PanelTitle onClose={onClose}>{spokenId(selected)}</PanelTitle>
        <p className={panelStyles.none}>
          Not in this view: no traffic in this window, or a part of another view.
        </p>
      </PanelSection>
    </SidePanel>
  );
}

/** `workload/shop/cart-v1->workload/shop/stock` as "cart-v1 to stock": all that is known of what is gone. */
function spokenId(id: string): string {
  return id
    .split("->")
    .map((end) => end.slice(end.lastIndexOf("/") + 1))
    .join(" to ");
}
