"use client";
import type { Point, Rect } from "@heddle/graph-layout";
import { drag } from "d3-drag";
import { select } from "d3-selection";
import { Ban, FlaskConical, Split } from "lucide-react";
import { memo, type ReactNode, useEffect, useRef } from "react";
import { formatBytesPerSecond, formatCounted, formatRate } from "../../lib/numbers.ts";
import { formatRoughDuration } from "../../lib/times.ts";
import { classNames } from "../../ui/class-names.ts";
import { Shield } from "../../ui/shield.tsx";
import { STATUS_WORDS } from "../../ui/status.ts";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { FeatureIcon } from "./feature-icon.tsx";
import type { Card, CardRow } from "./graph-model.ts";
import styles from "./node-card.module.css";
import { bytesOf, isActiveTcp } from "./tcp-signals.ts";
import { badgeName, badgeTitle } from "./traffic-features.ts";

/** A service, its versions as rows. Head and rows are selected apart; the card can be dragged. */
export const NodeCard = memo(function NodeCard({
  card,
  rect,
  selected,
  isFound,
  asOfMs,
  onSelect,
  onMove,
}: {
  readonly card: Card;
  readonly rect: Rect;
  /** The card's or one of its rows' id, if that is selected. */
  readonly selected: string | undefined;
  readonly isFound: boolean;
  readonly asOfMs: number;
  readonly onSelect: (id: string) => void;
  readonly onMove: (id: string, to: Point) => void;
}) {
  const element = useDrag(card.id, rect, onMove);
  const isInside = card.kind === "workload" || card.kind === "service";
  return (
    <div
      ref={element}
      role="group"
      aria-label={`${card.title}, ${STATUS_WORDS[card.status]}`}
      data-not-canvas
      className={classNames(
        styles.card,
        card.status === "failing" && styles.failing,
        card.status === "degraded" && styles.degraded,
        !isInside && styles.foreign,
        selected !== undefined && styles.selected,
        isFound && styles.found,
      )}
      style={{ left: rect.xPx, top: rect.yPx, width: rect.widthPx, height: rect.heightPx }}
    >
      <button
        type="button"
        data-walk={card.id}
        className={styles.head}
        aria-pressed={selected === card.id}
        aria-label={headName(card)}
        onClick={() => onSelect(card.id)}
      >
        <StatusGlyph status={card.status} isBesideWord />
        <span className={styles.title} title={card.title}>
          {card.title}
        </span>
        <Badges card={card} />
      </button>
      {card.rows.map((row) => (
        <button
          key={row.id}
          type="button"
          data-walk={row.id}
          className={classNames(styles.row, row.status === "failing" && styles.failingRow)}
          aria-pressed={selected === row.id}
          onClick={() => onSelect(row.id)}
        >
          <span className={styles.version}>
            {row.label}
            {row.isCanary && " canary"}
          </span>
          <span className={styles.value}>{rowValue(card, row, asOfMs)}</span>
        </button>
      ))}
    </div>
  );
});

/** "catalog: Failing, Fault injected, Circuit breaker open": what the head shows, read aloud. */
function headName({ title, status, badges, canary, denied }: Card): string {
  const signs = badges.map(badgeName);
  if (denied > 0) signs.unshift(`${formatCounted(denied, "request")} denied`);
  const all = canary === undefined ? signs : ["Traffic is split", "A canary runs", ...signs];
  return [`${title}: ${STATUS_WORDS[status]}`, ...all].join(", ");
}

/** At most three signs, what is denied and the canary's two among them; the rest as a number. */
function badgesWithRoom({ badges, canary, denied }: Card) {
  const taken = (canary === undefined ? 0 : 2) + (denied > 0 ? 1 : 0);
  const room = Math.max(0, MOST_BADGES - taken);
  return badges.length <= room
    ? { shown: badges, hidden: [] }
    : { shown: badges.slice(0, room), hidden: badges.slice(room) };
}

const MOST_BADGES = 3;

function Badges({ card }: { readonly card: Card }): ReactNode {
  const isPart = card.mtlsRatio !== undefined && card.mtlsRatio < 1;
  const { shown, hidden } = badgesWithRoom(card);
  return (
    <span className={styles.badges}>
      {isPart && <Shield ratio={card.mtlsRatio} sizePx={13} />}
      {card.denied > 0 && (
        <span
          className={classNames(styles.badge, styles.denied)}
          title={`A policy denied ${formatCounted(card.denied, "request")} in this window`}
        >
          <Ban size={13} />
        </span>
      )}
      {card.canary !== undefined && (
        <span
          className={classNames(styles.badge, styles.canary)}
          title={`Split by ${card.canary.virtualService}: ${card.canary.canary.subset} is a canary`}
        >
          <Split size={13} />
          <FlaskConical size={13} />
        </span>
      )}
      {shown.map((badge) => (
        <span
          key={badge.kind}
          className={classNames(styles.badge, badge.isOpen && styles.open)}
          title={badgeTitle(badge)}
        >
          <FeatureIcon kind={badge.kind} isOpen={badge.isOpen} />
        </span>
      ))}
      {hidden.length > 0 && (
        <span className={styles.more} title={hidden.map(badgeTitle).join("\n")}>
          +{hidden.length}
        </span>
      )}
    </span>
  );
}

function rowValue(card: Card, row: CardRow, asOfMs: number): string {
  const { signals, lastRequestMs, address, kind } = row.node;
  if (kind === "outside" && address !== undefined && card.title !== address) return address;
  if (signals.requests > 0) return formatRate(signals.requestsPerSecond);
  if (row.tcp !== undefined && isActiveTcp(row.tcp)) return formatBytesPerSecond(bytesOf(row.tcp));
  if (row.tcp !== undefined && row.tcp.failed > 0) return "not opened";
  if (lastRequestMs === undefined) return "no requests";
  return `idle ${formatRoughDuration(asOfMs - lastRequestMs)}`;
}

/** Drags the card; a press that hardly moves stays a click. */
function useDrag(id: string, rect: Rect, onMove: (id: string, to: Point) => void) {
  const element = useRef<HTMLDivElement>(null);
  const latest = useRef({ rect, onMove });
  latest.current = { rect, onMove };
  useEffect(() => {
    const card = element.current;
    if (card === null) return undefined;
    let grabbed: { readonly start: Point; readonly xPx: number; readonly yPx: number } | undefined;
    const behavior = drag<HTMLDivElement, unknown>()
      .container(() => document.body)
      .clickDistance(4)
      .touchable(false) // fingers pan and tap
      .on("start", (event: { x: number; y: number }) => {
        grabbed = { start: latest.current.rect, xPx: event.x, yPx: event.y };
      })
      .on("drag", (event: { x: number; y: number }) => {
        if (grabbed === undefined) return;
        const movedPx = Math.hypot(event.x - grabbed.xPx, event.y - grabbed.yPx);
        if (movedPx <= 4) return;
        // The layer is scaled; what the pointer moves is not.
        const scale = card.getBoundingClientRect().width / card.offsetWidth || 1;
        latest.current.onMove(id, {
          xPx: Math.round(grabbed.start.xPx + (event.x - grabbed.xPx) / scale),
          yPx: Math.round(grabbed.start.yPx + (event.y - grabbed.yPx) / scale),
        });
      });
    select<HTMLDivElement, unknown>(card).call(behavior);
    return () => {
      select(card).on(".drag", null);
    };
  }, [id]);
  return element;
}
