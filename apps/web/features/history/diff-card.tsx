"use client";

import type { ResourceChange } from "@heddle/contracts";
import { useState } from "react";
import type { z } from "zod";
import { formatCounted } from "../../lib/numbers.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import styles from "./diff-card.module.css";
import { changedLines, type DiffLine, parseDiff, splitRows } from "./diff-lines.ts";
import { YamlLine } from "./yaml-line.tsx";
import { changesInWords } from "./yaml-values.ts";

type Change = z.infer<typeof ResourceChange>;

const VIEWS = [
  { value: "unified", label: "Unified" },
  { value: "split", label: "Split" },
  { value: "words", label: "In words" },
] as const;

/** Document by document, what stood there and what stands there now. */
export function DiffCard({
  changes,
  title,
}: {
  readonly changes: readonly Change[];
  readonly title: string;
}) {
  const [view, setView] = useState<(typeof VIEWS)[number]["value"]>("unified");
  return (
    <Card
      title={title}
      caption={formatCounted(changes.length, "document")}
      actions={<Segmented label="Diff" choices={VIEWS} value={view} onChange={setView} />}
      isFlush
    >
      {changes.length === 0 && <EmptyState>No document changed.</EmptyState>}
      {changes.map((change) => {
        const lines = parseDiff(change.diff);
        return (
          <section
            key={`${change.kind} ${change.namespace}/${change.name}`}
            className={styles.change}
          >
            <h3 className={styles.name}>
              <Chip>{change.kind}</Chip> {change.namespace}/{change.name}
              <span className={styles.count}>
                {change.action}, {formatCounted(changedLines(lines), "line")}
              </span>
            </h3>
            {view === "unified" && <Unified lines={lines} />}
            {view === "split" && <Split lines={lines} />}
            {view === "words" && <InWords change={change} />}
          </section>
        );
      })}
    </Card>
  );
}

const MOST_WORDS = 40;

function InWords({ change }: { readonly change: Change }) {
  const words = changesInWords(change.before, change.after);
  if (words.length === 0) {
    return <p className={styles.none}>Only comments or the order of keys changed.</p>;
  }
  return (
    <ul className={styles.words}>
      {words.slice(0, MOST_WORDS).map((one) => (
        <li key={one}>{one}</li>
      ))}
      {words.length > MOST_WORDS && <li>and {words.length - MOST_WORDS} more</li>}
    </ul>
  );
}

const MARKS = { same: "", removed: "−", added: "+", gap: "" } as const;
const MARK_WORDS = { same: "", removed: "removed: ", added: "added: ", gap: "" } as const;

function Unified({ lines }: { readonly lines: readonly DiffLine[] }) {
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label="Unified diff">
      <table className={styles.diff}>
        <tbody>
          {lines.map((line, index) => (
            <tr key={index} data-kind={line.kind}>
              <td className={styles.line}>{"before" in line && line.before}</td>
              <td className={styles.line}>{"after" in line && line.after}</td>
              <Content line={line} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Split({ lines }: { readonly lines: readonly DiffLine[] }) {
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label="Split diff">
      <table className={styles.diff} data-split="">
        <tbody>
          {splitRows(lines).map(({ left, right }, index) => (
            <tr key={index}>
              <td className={styles.line} data-kind={left?.kind}>
                {left !== undefined && "before" in left && left.before}
              </td>
              <Content line={left} />
              <td className={styles.line} data-kind={right?.kind}>
                {right !== undefined && "after" in right && right.after}
              </td>
              <Content line={right} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Content({ line }: { readonly line: DiffLine | undefined }) {
  if (line === undefined || line.kind === "gap") {
    return (
      <>
        <td className={styles.mark} data-kind={line?.kind} />
        <td className={styles.text} data-kind={line?.kind}>
          {line !== undefined && "…"}
        </td>
      </>
    );
  }
  return (
    <>
      <td className={styles.mark} data-kind={line.kind} aria-hidden="true">
        {MARKS[line.kind]}
      </td>
      <td className={styles.text} data-kind={line.kind}>
        <span className="visually-hidden">{MARK_WORDS[line.kind]}</span>
        <YamlLine text={line.text} />
      </td>
    </>
  );
}
