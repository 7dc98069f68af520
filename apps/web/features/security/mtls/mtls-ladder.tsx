import type { LadderResponse, LadderRung } from "@heddle/contracts";
import { formatCount, formatCounted } from "../../../lib/numbers.ts";
import styles from "./mtls-ladder.module.css";

const RUNGS = [
  { rung: "disabled", name: "Disabled", words: "plaintext only" },
  { rung: "permissive", name: "Permissive", words: "plaintext and mTLS accepted" },
  { rung: "dry-run", name: "Dry run", words: "counts what STRICT would refuse" },
  { rung: "strict", name: "Strict", words: "one workload at a time" },
  { rung: "strict-for-all", name: "Strict for all", words: "" },
] as const satisfies readonly { rung: LadderRung; name: string; words: string }[];

/**
 * The way from plaintext to STRICT for all, with how many workloads stand on each rung. A rung shows its workloads
 * alone; the last one opens the flip for a whole namespace or the mesh.
 */
export function MtlsLadder({
  ladder,
  chosen,
  standing,
  isLastOpen,
  onChoose,
  onLast,
}: {
  readonly ladder: Pick<
    LadderResponse,
    "rungs" | "workloads" | "workloadsToGo" | "callersInTheWay"
  >;
  /** The rung whose workloads alone are shown. */
  readonly chosen: LadderRung | undefined;
  /** The rung of the opened workload. */
  readonly standing: LadderRung | undefined;
  readonly isLastOpen: boolean;
  readonly onChoose: (rung: LadderRung | undefined) => void;
  readonly onLast: () => void;
}) {
  const countOf = (rung: LadderRung): number => ladder.rungs[rung] ?? 0;
  const shown = RUNGS.filter(({ rung }) => rung !== "disabled" || countOf(rung) > 0);
  return (
    <ol className={styles.ladder} aria-label="From plaintext to STRICT">
      {shown.map(({ rung, name, words }) => {
        const isLast = rung === "strict-for-all";
        const isChosen = chosen === rung || (isLast && isLastOpen);
        const isMarked = isChosen || (chosen === undefined && !isLastOpen && standing === rung);
        return (
          <li
            key={rung}
            className={styles.rung}
            data-empty={countOf(rung) === 0 || undefined}
            data-marked={isMarked || undefined}
          >
            <button
              type="button"
              className={styles.button}
              aria-pressed={isLast ? undefined : isChosen}
              aria-expanded={isLast ? isLastOpen : undefined}
              onClick={() => (isLast ? onLast() : onChoose(isChosen ? undefined : rung))}
            >
              <span className={styles.line}>
                <b className={styles.count}>{formatCount(countOf(rung))}</b>{" "}
                <span className={styles.name}>{name}</span>
              </span>
              <span className={styles.words}>{isLast ? toGoInWords(ladder) : words}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

function toGoInWords({
  workloads,
  workloadsToGo,
  callersInTheWay,
}: Pick<LadderResponse, "workloads" | "workloadsToGo" | "callersInTheWay">): string {
  if (workloads.length === 0) return "no workload yet";
  if (workloadsToGo === 0) return "every workload takes mTLS only";
  const callers = callersInTheWay === 0 ? "no caller" : formatCounted(callersInTheWay, "caller");
  return `${formatCounted(workloadsToGo, "workload")} to go, ${callers} in the way`;
}
