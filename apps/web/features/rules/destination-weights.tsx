"use client";

import { Select } from "../../ui/select.tsx";
import styles from "./destination-weights.module.css";
import {
  type Destination,
  levelledEdit,
  type RouteForm,
  sendAllEdit,
  weightEdit,
} from "./http-routes.ts";
import type { YamlEdit } from "./rule-yaml.ts";
import { withValue } from "./with-value.ts";

/** Where a route sends its requests: to one destination, or shared out by weight. */
export function DestinationWeights({
  route,
  before,
  subsets,
  isOff,
  onEdit,
}: {
  readonly route: RouteForm;
  readonly before: RouteForm | undefined;
  readonly subsets: readonly string[];
  readonly isOff: boolean;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}) {
  const [only, ...others] = route.destinations;
  if (only === undefined) return <p className={styles.instead}>It names no destination yet.</p>;
  if (others.length === 0) {
    return (
      <div className={styles.sendAll}>
        <span className={styles.word}>
          send all to {only.host}
          {subsets.length === 0 && only.subset !== "" ? ` ${only.subset}` : ""}
        </span>
        {subsets.length > 0 &&
          (isOff ? (
            <b>{only.subset}</b>
          ) : (
            <Select
              label={`Version all go to, of route ${route.name || route.index + 1}`}
              choices={[
                { value: "", label: "any version" },
                ...withValue(subsets, only.subset).map((one) => ({ value: one, label: one })),
              ]}
              value={only.subset}
              onChange={(subset) => onEdit(sendAllEdit(route, subset))}
            />
          ))}
      </div>
    );
  }
  const hasChanged =
    before !== undefined &&
    route.destinations.some(
      ({ host, subset, weight }) =>
        before.destinations.find((one) => one.host === host && one.subset === subset)?.weight !==
        weight,
    );
  const total = route.destinations.reduce((sum, { weight }) => sum + weight, 0);
  return (
    <div className={styles.weights}>
      {route.destinations.map((destination, at) => (
        <Weight
          key={at}
          destination={destination}
          before={before?.destinations.find(
            ({ host, subset }) => host === destination.host && subset === destination.subset,
          )}
          isNewRoute={before === undefined}
          hasChangedBeside={hasChanged}
          isOff={isOff}
          onChange={(weight) => onEdit(weightEdit(route, at, weight))}
        />
      ))}
      <p className={styles.total}>
        Total <b>{total} %</b>
        {total !== 100 && total > 0 && (
          <>
            ; each gets its part of it.{" "}
            {!isOff && (
              <button
                type="button"
                className={styles.fix}
                onClick={() => onEdit(levelledEdit(route))}
              >
                Make it 100
              </button>
            )}
          </>
        )}
        {total === 0 && "; nobody would get a request"}
      </p>
    </div>
  );
}

function Weight({
  destination,
  before,
  isNewRoute,
  hasChangedBeside,
  isOff,
  onChange,
}: {
  readonly destination: Destination;
  readonly before: Destination | undefined;
  readonly isNewRoute: boolean;
  /** Some share of the route is another now: those that are not say so. */
  readonly hasChangedBeside: boolean;
  readonly isOff: boolean;
  readonly onChange: (weight: number) => void;
}) {
  const { host, subset, weight } = destination;
  const name = subset || host;
  const isChanged = before === undefined || before.weight !== weight;
  return (
    <div className={styles.weight}>
      <span className={styles.subset} title={`${host} ${subset}`}>
        {name}
      </span>
      <input
        type="range"
        min={0}
        max={100}
        value={Math.min(weight, 100)}
        disabled={isOff}
        aria-label={`Share of ${name}`}
        data-changed={isChanged || undefined}
        style={{ ["--part" as string]: `${Math.min(weight, 100)}%` }}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      <label className={styles.percent}>
        <input
          type="number"
          min={0}
          max={100}
          value={weight}
          disabled={isOff}
          aria-label={`Weight of ${name}, in percent`}
          onChange={(event) => {
            const next = Number(event.target.value);
            if (Number.isInteger(next) && next >= 0 && next <= 100) onChange(next);
          }}
        />
        <span aria-hidden="true">%</span>
      </label>
      <span className={styles.was}>
        {isNewRoute
          ? ""
          : before === undefined
            ? "new"
            : isChanged
              ? `was ${before.weight} %`
              : hasChangedBeside
                ? "as before"
                : ""}
      </span>
    </div>
  );
}
