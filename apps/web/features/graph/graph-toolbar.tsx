"use client";
import {
  ChevronDown,
  Crosshair,
  EyeOff,
  History,
  Link2,
  ListTree,
  Maximize,
  Table2,
} from "lucide-react";
import { type RefObject } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { formatWindow } from "../../lib/times.ts";
import { ButtonLink, IconButton } from "../../ui/button.tsx";
import { COPY_WORDS, useCopy } from "../../ui/code-line.tsx";
import { Popover } from "../../ui/popover.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Select } from "../../ui/select.tsx";
import { useToast } from "../../ui/toast.tsx";
import type { Verdict } from "./apply-filters.ts";
import { FindField } from "./find-field.tsx";
import { EDGE_LABELS, type EdgeLabel, type GraphState, WINDOWS_MS } from "./graph-state.ts";
import styles from "./graph-toolbar.module.css";
import { Legend } from "./legend.tsx";
import type { ChangeGraphState } from "./use-graph-state.ts";

const VIEW_CHOICES = [
  { value: "versions", label: "Versioned app" },
  { value: "services", label: "Service" },
  { value: "workloads", label: "Workload" },
] as const;

/** What is drawn, how, and over which window. */
export function GraphToolbar({
  state,
  change,
  matched,
  hidden,
  changesInHour,
  findInput,
  hideInput,
  onFit,
}: {
  readonly state: GraphState;
  readonly change: ChangeGraphState;
  /** "2 of 14", or what is wrong with the expression. */
  readonly matched: Verdict;
  readonly hidden: Verdict;
  readonly changesInHour: number | undefined;
  readonly findInput: RefObject<HTMLInputElement | null>;
  readonly hideInput: RefObject<HTMLInputElement | null>;
  readonly onFit: () => void;
}) {
  return (
    <div className={styles.bar} role="toolbar" aria-label="Graph">
      <span className={styles.wide}>
        <Segmented
          label="Show as"
          choices={[
            { value: "graph", label: "Graph" },
            { value: "table", label: "Table" },
          ]}
          value={state.show}
          onChange={(show) => change({ show })}
        />
        <Select
          label="View"
          caption="View"
          choices={VIEW_CHOICES}
          value={state.view}
          onChange={(view) => change({ view, selected: undefined, camera: undefined })}
        />
        <LabelsMenu labels={state.labels} onChange={(labels) => change({ labels })} />
        <Select
          label="Window"
          caption="Last"
          choices={WINDOWS_MS.map((ms) => ({ value: String(ms), label: formatWindow(ms) }))}
          value={String(state.windowMs)}
          onChange={(ms) => change({ windowMs: Number(ms) })}
        />
      </span>
      <span className={styles.narrow}>
        {changesInHour !== undefined && (
          <ButtonLink size="toolbar" href="/history" icon={<History size={16} />}>
            {formatCounted(changesInHour, "change")}, 1 h
          </ButtonLink>
        )}
      </span>
      <FindField
        label="Find"
        keyName="/"
        icon={<Crosshair size={15} aria-hidden="true" />}
        input={findInput}
        value={state.find}
        verdict={matched}
        placeholder="errors > 5"
        onChange={(find) => change({ find })}
      />
      <FindField
        label="Hide"
        keyName="H"
        icon={<EyeOff size={15} aria-hidden="true" />}
        input={hideInput}
        value={state.hide}
        verdict={hidden}
        placeholder="idle"
        onChange={(hide) => change({ hide })}
      />
      <span className={styles.end}>
        <span className={styles.narrow}>
          <IconButton
            kind="secondary"
            size="toolbar"
            label={state.show === "table" ? "Show as graph" : "Show as table"}
            icon={<Table2 size={16} />}
            onClick={() => change({ show: state.show === "table" ? "graph" : "table" })}
          />
          <IconButton
            kind="secondary"
            size="toolbar"
            label="Fit all in sight"
            icon={<Maximize size={16} />}
            onClick={onFit}
          />
        </span>
        <span className={styles.wide}>
          <Popover
            label="Legend"
            align="end"
            isQuiet
            button={
              <>
                <ListTree size={15} aria-hidden="true" /> Legend
              </>
            }
          >
            <Legend />
          </Popover>
          <CopyLink />
        </span>
      </span>
    </div>
  );
}

const LABEL_WORDS: Readonly<Record<EdgeLabel, string>> = {
  rate: "Rate",
  errors: "Errors",
  p50: "p50",
  p95: "p95",
  p99: "p99",
  mtls: "mTLS",
};

function LabelsMenu({
  labels,
  onChange,
}: {
  readonly labels: readonly EdgeLabel[];
  readonly onChange: (labels: readonly EdgeLabel[]) => void;
}) {
  const words = labels.map((label, at) =>
    at === 0
      ? LABEL_WORDS[label]
      : LABEL_WORDS[label].replace(/^[RE]/, (letter) => letter.toLowerCase()),
  );
  return (
    <Popover
      label="Labels on threads"
      button={
        <>
          <span className={styles.caption}>Labels</span>
          {words.length === 0 ? "None" : words.join(", ")}
          <ChevronDown size={14} aria-hidden="true" />
        </>
      }
    >
      <fieldset className={styles.labels}>
        <legend>On each thread</legend>
        {EDGE_LABELS.map((label) => (
          <label key={label}>
            <input
              type="checkbox"
              checked={labels.includes(label)}
              onChange={(event) =>
                onChange(
                  EDGE_LABELS.filter((one) =>
                    one === label ? event.target.checked : labels.includes(one),
                  ),
                )
              }
            />
            {LABEL_WORDS[label]}
            {label === "errors" && <small>in place of the rate, where they deviate</small>}
          </label>
        ))}
      </fieldset>
    </Popover>
  );
}

function CopyLink() {
  const [, copy] = useCopy();
  const showToast = useToast();
  return (
    <IconButton
      size="toolbar"
      label="Copy a link to this view"
      icon={<Link2 size={15} />}
      onClick={() => {
        copy(window.location.href);
        showToast({
          text: window.isSecureContext ? "Link to this view copied." : COPY_WORDS.refused,
          tone: window.isSecureContext ? "ok" : "warn",
        });
      }}
    />
  );
}
