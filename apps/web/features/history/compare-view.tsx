"use client";

import { CompareResponse } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { useEffect, useState } from "react";
import { apiPath, getJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import styles from "./compare-view.module.css";
import { DiffCard } from "./diff-card.tsx";

/** The pair in the address: the shown revision and the newest, or that and the one before it. */
export function pairOf(shown: number | undefined, newest: number | undefined): string {
  const to = newest ?? 1;
  const from = shown === undefined || shown === to ? Math.max(0, to - 1) : shown;
  return `${Math.min(from, to)}..${Math.max(from, to)}`;
}

/** How the documents differ between two states of the mesh, whatever happened between. */
export function CompareView({
  pair,
  newest,
  onPair,
}: {
  readonly pair: string;
  readonly newest: number;
  /** `undefined`: no more comparing. */
  readonly onPair: (pair: string | undefined) => void;
}) {
  const [, from = 0, to = newest] = (/^(\d{1,9})\.\.(\d{1,9})$/.exec(pair) ?? []).map(Number);
  const compared = useQuery({
    queryKey: queryKeys.compare(from, to),
    queryFn: ({ signal }) => getJson(apiPath(["compare"], { from, to }), CompareResponse, signal),
  });
  return (
    <PageFrame
      title="Compare two revisions"
      actions={
        <Button size="toolbar" onClick={() => onPair(undefined)}>
          Stop comparing
        </Button>
      }
    >
      <div className={styles.pair}>
        <RevisionField
          label="From"
          value={from}
          newest={newest}
          onChange={(one) => onPair(`${one}..${to}`)}
        />
        <ArrowRight size={16} aria-hidden="true" />
        <RevisionField
          label="To"
          value={to}
          newest={newest}
          onChange={(one) => onPair(`${from}..${one}`)}
        />
        <p className={styles.words}>
          Each as the whole mesh stood right after it; 0 is before the first. The newest is {newest}
          .
        </p>
      </div>
      {compared.isError && (
        <ErrorPart
          title="They cannot be compared"
          detail={compared.error.message}
          onRetry={() => void compared.refetch()}
        />
      )}
      {compared.isPending && <Skeleton heightPx={200} />}
      {compared.data !== undefined && (
        <DiffCard
          changes={compared.data.changes}
          title={`From ${compared.data.from} to ${compared.data.to}`}
        />
      )}
    </PageFrame>
  );
}

function RevisionField({
  label,
  value,
  newest,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly newest: number;
  readonly onChange: (revision: number) => void;
}) {
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const revision = Number(text);
  const isGood = /^\d{1,9}$/.test(text) && revision <= newest;
  return (
    <label className={styles.field}>
      {label}
      <input
        type="number"
        min={0}
        max={newest}
        value={text}
        aria-invalid={!isGood}
        onChange={(event) => {
          setText(event.target.value);
          const wanted = Number(event.target.value);
          if (/^\d{1,9}$/.test(event.target.value) && wanted <= newest) onChange(wanted);
        }}
      />
    </label>
  );
}
