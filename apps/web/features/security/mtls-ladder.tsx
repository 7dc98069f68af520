import { formatCount, formatCounted } from "../../lib/numbers.ts";
import styles from "./mtls-ladder.module.css";
import { acceptedCallers, type MtlsRow } from "./mtls-rows.ts";

/** The way from plaintext to STRICT for all, with how many workloads stand on each rung. */
export function MtlsLadder({ rows }: { readonly rows: readonly MtlsRow[] }) {
  const strict = rows.filter((row) => row.workload.mtlsMode === "STRICT").length;
  const disabled = rows.filter((row) => row.workload.mtlsMode === "DISABLE").length;
  const toGo = rows.length - strict;
  const callers = rows
    .filter((row) => row.workload.mtlsMode !== "STRICT")
    .flatMap(acceptedCallers).length;
  return (
    <ol className={styles.ladder} aria-label="From plaintext to STRICT">
      {disabled > 0 && <Rung count={disabled} name="Disabled" words="plaintext only" />}
      <Rung count={toGo - disabled} name="Permissive" words="plaintext and mTLS accepted" />
      <Rung count={strict} name="Strict" words="one workload at a time" />
      <Rung
        count={toGo === 0 ? strict : 0}
        name="Strict for all"
        words={
          rows.length === 0
            ? "no workload yet"
            : toGo === 0
              ? "every workload takes mTLS only"
              : `${formatCounted(toGo, "workload")} to go, ${callers === 0 ? "no caller" : formatCounted(callers, "caller")} in the way`
        }
      />
    </ol>
  );
}

function Rung({
  count,
  name,
  words,
}: {
  readonly count: number;
  readonly name: string;
  readonly words: string;
}) {
  return (
    <li className={styles.rung} data-empty={count === 0 || undefined}>
      <p>
        <b className={styles.count}>{formatCount(count)}</b>{" "}
        <span className={styles.name}>{name}</span>
      </p>
      <p className={styles.words}>{words}</p>
    </li>
  );
}
