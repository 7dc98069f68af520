import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Case, Metric, Values } from "./cases.ts";

export const RESULTS_FILE = fileURLToPath(new URL("../results/proxy.json", import.meta.url));

/** One figure of Heddle beside one peer's. */
export type ResultRow = {
  readonly name: string;
  readonly subject: string;
  readonly peer: string;
  readonly metric: Metric;
  /** Median over the rounds. */
  readonly subjectValue: number;
  readonly peerValue: number;
  /** Median over the rounds of subject / peer within one round: not the quotient of the medians. */
  readonly ratio: number;
};

export type Results = {
  readonly measuredAt: string;
  readonly machine: {
    readonly cores: number;
    readonly model: string;
    readonly node: string;
    readonly loadAverageBefore: number;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly seconds: number;
  readonly cases: readonly ResultRow[];
};

/** What each contestant has shown in each round of a case. */
export type Measured = ReadonlyMap<string, readonly Values[]>;

const SUBJECT = "heddle";

/** The rows of one case; a subject without peers is told beside itself, so that its figures are not lost. */
export function rowsOf({ name }: Case, measured: Measured): ResultRow[] {
  const subject = measured.get(SUBJECT) ?? [];
  const peers = [...measured.keys()].filter((each) => each !== SUBJECT);
  const metrics = Object.keys(subject[0] ?? {}) as Metric[];
  return (peers.length > 0 ? peers : [SUBJECT]).flatMap((peer) =>
    metrics.map((metric) => {
      const others = measured.get(peer) ?? [];
      const ours = subject.map((values) => values[metric] ?? Number.NaN);
      const theirs = others.map((values) => values[metric] ?? Number.NaN);
      return {
        name,
        subject: SUBJECT,
        peer,
        metric,
        subjectValue: median(ours),
        peerValue: median(theirs),
        ratio: median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN))),
      };
    }),
  );
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const value = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
  return Number(value.toPrecision(5));
}

export function writeResults(results: Results): void {
  mkdirSync(dirname(RESULTS_FILE), { recursive: true });
  writeFileSync(RESULTS_FILE, `${JSON.stringify(results, undefined, 2)}\n`);
}

export function readResults(): Results {
  return JSON.parse(readFileSync(RESULTS_FILE, "utf8")) as Results;
}
