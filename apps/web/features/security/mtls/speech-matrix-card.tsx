"use client";

import type { GraphSnapshot } from "@heddle/contracts";
import Link from "next/link";
import { formatRate, formatShare, NO_DATA } from "../../../lib/numbers.ts";
import { formatWindow } from "../../../lib/times.ts";
import { Card } from "../../../ui/card.tsx";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { mtlsShare, Shield } from "../../../ui/shield.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import {
  cellKey,
  type Speaker,
  type SpeechCell,
  type SpeechMatrix,
  speechMatrix,
} from "./speech-matrix.ts";
import styles from "./speech-matrix-card.module.css";

/** Callers × callees, a shield where they spoke. Choosing a cell tells the pair in words. */
export function SpeechMatrixCard({
  graph,
  fault,
  namespace,
  openService,
  pair,
  onPair,
}: {
  readonly graph: GraphSnapshot | undefined;
  readonly fault: Error | undefined;
  /** `undefined`: all of them. */
  readonly namespace: string | undefined;
  /** `namespace/service` of the opened row: its column is marked. */
  readonly openService: string | undefined;
  /** The chosen cell, as `cellKey` writes it. */
  readonly pair: string | undefined;
  readonly onPair: (pair: string | undefined) => void;
}) {
  if (graph === undefined) {
    return (
      <Card title="Who speaks how to whom">
        {fault === undefined ? (
          <Skeleton heightPx={300} />
        ) : (
          <ErrorPart title="The graph is missing" detail={fault.message} />
        )}
      </Card>
    );
  }
  const matrix = speechMatrix(graph, namespace);
  const cell = pair === undefined ? undefined : matrix.cells.get(pair);
  return (
    <Card
      title="Who speaks how to whom"
      actions={<span className={styles.quiet}>{formatWindow(graph.windowMs)}</span>}
      isFlush
    >
      {matrix.cells.size === 0 ? (
        <EmptyState>Nobody has sent a request in the last 30 s.</EmptyState>
      ) : (
        <Grid matrix={matrix} openService={openService} chosen={pair} onChoose={onPair} />
      )}
      <Legend />
      {cell !== undefined && <PairWords cell={cell} />}
    </Card>
  );
}

/** So many callees find room beside the table of workloads in cells of the usual size. */
const ROOMY = 9;

function Grid({
  matrix,
  openService,
  chosen,
  onChoose,
}: {
  readonly matrix: SpeechMatrix;
  readonly openService: string | undefined;
  readonly chosen: string | undefined;
  readonly onChoose: (key: string | undefined) => void;
}) {
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label="Callers and callees">
      <table className={styles.grid} data-many={matrix.callees.length > ROOMY || undefined}>
        <thead>
          <tr>
            <th className={styles.corner}>
              <span className="visually-hidden">Caller</span>
            </th>
            {matrix.callees.map((callee) => (
              <th
                key={callee.key}
                scope="col"
                className={styles.callee}
                data-open={callee.key === openService || undefined}
              >
                <span title={callee.key}>{nameAmong(callee, matrix.callees)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.callers.map((caller) => (
            <tr key={caller.key}>
              <th scope="row" className={styles.caller} title={caller.key}>
                {nameAmong(caller, matrix.callers)}
              </th>
              {matrix.callees.map((callee) => {
                const key = cellKey(caller.key, callee.key);
                return (
                  <td key={key} data-open={callee.key === openService || undefined}>
                    <Cell
                      cell={matrix.cells.get(key)}
                      isChosen={key === chosen}
                      onChoose={() => onChoose(key === chosen ? undefined : key)}
                    />
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({
  cell,
  isChosen,
  onChoose,
}: {
  readonly cell: SpeechCell | undefined;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}) {
  if (cell === undefined) return <span className={styles.none} aria-hidden="true" />;
  return (
    <button
      type="button"
      className={styles.cell}
      data-share={mtlsShare(cell.mtlsRatio)}
      aria-pressed={isChosen}
      aria-label={`${cell.caller.name} to ${cell.callee.name}, ${shareWords(cell)}`}
      title={`${cell.caller.name} to ${cell.callee.name}: ${shareWords(cell)}`}
      onClick={onChoose}
    >
      <Shield ratio={cell.mtlsRatio} isBesideWord sizePx={15} />
    </button>
  );
}

function Legend() {
  return (
    <ul className={styles.legend} aria-label="Shields">
      <li>
        <Shield ratio={1} isBesideWord /> all mTLS
      </li>
      <li>
        <Shield ratio={0.5} isBesideWord /> part, filled by share
      </li>
      <li>
        <Shield ratio={0} isBesideWord /> plaintext
      </li>
      <li>
        <Shield ratio={undefined} isBesideWord /> no data
      </li>
    </ul>
  );
}

/** A name alone where it is the only one, else with its namespace. */
function nameAmong({ key, name }: Speaker, all: readonly Speaker[]): string {
  return all.filter((one) => one.name === name).length > 1 ? key : name;
}

function PairWords({ cell }: { readonly cell: SpeechCell }) {
  const principals = [...new Set(cell.edges.flatMap((edge) => edge.sourcePrincipal ?? []))];
  const [edge] = cell.edges;
  return (
    <div className={styles.pair} aria-live="polite">
      <p className={styles.pairHead}>
        <b>
          {cell.caller.name} to {cell.callee.name}
        </b>
        <span className={styles.quiet}>
          {formatRate(cell.requestsPerSecond)}, {shareWords(cell)}
        </span>
      </p>
      <p>
        {principals.length > 0
          ? `Comes as ${principals.join(", ")}.`
          : cell.mtlsRatio === undefined
            ? "No receiving proxy has reported on it in this window."
            : `No sidecar answers for ${cell.caller.address ?? cell.caller.name}. Bring it in with one command, or let it in by a port exception.`}
      </p>
      {edge !== undefined && (
        <Link href={`/graph?sel=${encodeURIComponent(edge.id)}`}>Show on the graph</Link>
      )}
    </div>
  );
}

function shareWords({ mtlsRatio }: SpeechCell): string {
  const share = mtlsShare(mtlsRatio);
  if (share === "no data") return NO_DATA;
  if (share === "none") return "all plaintext";
  return `${formatShare(mtlsRatio)} mTLS`;
}
