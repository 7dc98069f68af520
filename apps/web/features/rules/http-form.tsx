"use client";

import { ArrowDown, ArrowUp, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import { formatRate } from "../../lib/numbers.ts";
import { IconButton } from "../../ui/button.tsx";
import { classNames } from "../../ui/class-names.ts";
import { Select } from "../../ui/select.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import type { DraftFinding } from "./draft-findings.ts";
import styles from "./http-form.module.css";
import {
  type Condition,
  conditionEdit,
  type Destination,
  faultEdit,
  levelledEdit,
  MATCH_KINDS,
  mirrorEdit,
  moveRouteEdit,
  type RouteForm,
  removeRouteEdit,
  renameEdit,
  retriesEdit,
  sendAllEdit,
  timeoutEdit,
  weightEdit,
} from "./http-routes.ts";
import type { YamlEdit } from "./rule-yaml.ts";

export interface HttpFormProps {
  readonly routes: readonly RouteForm[];
  /** The routes the draft was begun from. */
  readonly before: readonly RouteForm[];
  /** Subsets one can choose of a host. */
  readonly subsetsOf: (host: string) => readonly string[];
  readonly findings: readonly DraftFinding[];
  /** Requests per second that fall on a route now, by its name; absent: not known. */
  readonly rates: ReadonlyMap<string, number>;
  readonly readOnlyReason: string | undefined;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}

/** The HTTP routes of a VirtualService, in the order in which they are tried. */
export function HttpForm(props: HttpFormProps) {
  return (
    <ol className={styles.routes}>
      {props.routes.map((route) => (
        <li key={route.index}>
          <RouteCard {...props} route={route} />
        </li>
      ))}
    </ol>
  );
}

function RouteCard({
  route,
  routes,
  before: allBefore,
  subsetsOf,
  findings,
  rates,
  readOnlyReason,
  onEdit,
}: HttpFormProps & { readonly route: RouteForm }) {
  const before = routeBefore(route, allBefore);
  const isOff = readOnlyReason !== undefined;
  const rate = rates.get(route.name);
  const host = route.destinations[0]?.host ?? "";
  const subsets = subsetsOf(host);
  const own = findings.filter(({ path }) => path?.startsWith(`spec.http[${route.index}]`));
  // The same of several destinations is told once here; the text marks each.
  const told = [...new Map(own.map((finding) => [finding.message, finding])).values()];
  const name = route.name || `route ${route.index + 1}`;
  return (
    <section
      className={classNames(styles.card, before === undefined && styles.isNew)}
      aria-label={`Route ${name}`}
    >
      <header className={styles.head}>
        <h3>
          {route.index + 1} {name}
        </h3>
        {before === undefined && <span className={styles.new}>new</span>}
        <span className={styles.caption}>
          {route.matches.length === 0 ? "any request" : ""}
          {rate !== undefined && `${route.matches.length === 0 ? ", " : ""}${formatRate(rate)}`}
        </span>
        <span className={styles.acts}>
          {routes.length > 1 && (
            <>
              <IconButton
                size="toolbar"
                label={`Try ${name} earlier`}
                icon={<ArrowUp size={14} />}
                disabledReason={
                  readOnlyReason ?? (route.index === 0 ? "It is tried first already." : undefined)
                }
                onClick={() => onEdit(moveRouteEdit(route, -1))}
              />
              <IconButton
                size="toolbar"
                label={`Try ${name} later`}
                icon={<ArrowDown size={14} />}
                disabledReason={
                  readOnlyReason ??
                  (route.index === routes.length - 1 ? "It is tried last already." : undefined)
                }
                onClick={() => onEdit(moveRouteEdit(route, 1))}
              />
            </>
          )}
          <IconButton
            size="toolbar"
            label={`Remove ${name}`}
            icon={<Trash2 size={14} />}
            disabledReason={
              readOnlyReason ??
              (routes.length === 1 ? "A rule needs a route; delete the rule instead." : undefined)
            }
            onClick={() => onEdit(removeRouteEdit(route))}
          />
        </span>
      </header>
      {route.matches.length > 0 && (
        <div className={styles.matches}>
          {route.matches.map((block, index) => (
            <div key={index} className={styles.block}>
              <span className={styles.word}>{index === 0 ? "When" : "or when"}</span>
              {block.length === 0 && <span className={styles.word}>any request</span>}
              {block.map((condition, at) => (
                <ConditionFields
                  key={condition.place.join("/")}
                  condition={condition}
                  isFirst={at === 0}
                  isOff={isOff}
                  onEdit={onEdit}
                />
              ))}
            </div>
          ))}
        </div>
      )}
      {route.instead !== undefined ? (
        <p className={styles.instead}>It {route.instead}. That is edited in the YAML.</p>
      ) : (
        <Destinations
          route={route}
          before={before}
          subsets={subsets}
          isOff={isOff}
          onEdit={onEdit}
        />
      )}
      {route.instead === undefined && (
        <div className={styles.fields}>
          <TextField
            label="Timeout"
            value={route.timeout}
            placeholder="none"
            was={before?.timeout}
            isOff={isOff}
            hasFinding={own.some(({ path }) => path?.endsWith(".timeout"))}
            onCommit={(value) => onEdit(timeoutEdit(route, value))}
          />
          <TextField
            label="Retries"
            value={route.retries === undefined ? "" : String(route.retries)}
            placeholder="default"
            was={before === undefined ? undefined : String(before.retries ?? "")}
            isOff={isOff}
            inputMode="numeric"
            hasFinding={own.some(({ path }) => path?.includes(".retries"))}
            onCommit={(value) =>
              onEdit(retriesEdit(route, /^\d{1,3}$/.test(value) ? Number(value) : undefined))
            }
          />
          <FaultFields route={route} isOff={isOff} onEdit={onEdit} />
          <span className={styles.field}>
            <span className={styles.label}>Mirror</span>
            {isOff ? (
              <span>{route.mirror || "None"}</span>
            ) : (
              <Select
                label={`Mirror of ${name}`}
                choices={[
                  { value: "", label: "None" },
                  ...withValue(subsets, route.mirror).map((one) => ({ value: one, label: one })),
                ]}
                value={route.mirror}
                onChange={(value) => onEdit(mirrorEdit(route, value))}
              />
            )}
          </span>
        </div>
      )}
      {told.map((finding) => (
        <p key={finding.id} className={styles.finding} data-severity={finding.severity}>
          <StatusGlyph status={FINDING_STATUSES[finding.severity]} isBesideWord />
          <span>
            {finding.message}{" "}
            {finding.fix !== undefined && !isOff && (
              <button
                type="button"
                className={styles.fix}
                onClick={() => onEdit(finding.fix?.edits ?? [])}
              >
                {finding.fix.label}
              </button>
            )}
          </span>
        </p>
      ))}
    </section>
  );
}

function ConditionFields({
  condition,
  isFirst,
  isOff,
  onEdit,
}: {
  readonly condition: Condition;
  readonly isFirst: boolean;
  readonly isOff: boolean;
  readonly onEdit: HttpFormProps["onEdit"];
}) {
  const { subject, name, kind, value } = condition;
  const joint = isFirst ? "" : "and ";
  if (subject === "other") {
    return (
      <span className={styles.word}>
        {joint}
        {name} is <code>{value}</code>
      </span>
    );
  }
  const isNamed = subject === "header" || subject === "query parameter";
  return (
    <span className={styles.condition}>
      <span className={styles.word}>
        {joint}
        {subject}
      </span>
      {isNamed && (
        <Committed
          label={`Name of the ${subject}`}
          value={name}
          isOff={isOff}
          onCommit={(next) => next !== "" && onEdit(renameEdit(condition, next))}
        />
      )}
      {isOff ? (
        <span className={styles.word}>{KIND_WORDS[kind]}</span>
      ) : (
        <Select
          label={`How the ${subject} is compared`}
          isQuiet
          choices={MATCH_KINDS.map((one) => ({ value: one, label: KIND_WORDS[one] }))}
          value={kind}
          onChange={(next) => onEdit(conditionEdit(condition, next, value))}
        />
      )}
      <Committed
        label={`Value of the ${subject}${isNamed ? ` ${name}` : ""}`}
        value={value}
        isOff={isOff}
        onCommit={(next) => onEdit(conditionEdit(condition, kind, next))}
      />
    </span>
  );
}

const FINDING_STATUSES = { fault: "failing", warning: "degraded", info: "unknown" } as const;
const KIND_WORDS = { exact: "is exactly", prefix: "starts with", regex: "matches" } as const;

function Destinations({
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
  readonly onEdit: HttpFormProps["onEdit"];
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
  isOff,
  onChange,
}: {
  readonly destination: Destination;
  readonly before: Destination | undefined;
  readonly isNewRoute: boolean;
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
        {isNewRoute ? "" : before === undefined ? "new" : isChanged ? `was ${before.weight} %` : ""}
      </span>
    </div>
  );
}

function FaultFields({
  route,
  isOff,
  onEdit,
}: {
  readonly route: RouteForm;
  readonly isOff: boolean;
  readonly onEdit: HttpFormProps["onEdit"];
}) {
  const { fault } = route;
  const set = (next: Partial<typeof fault>) => onEdit(faultEdit(route, { ...fault, ...next }));
  const isHere = fault.kind === "abort" || fault.kind === "delay";
  return (
    <>
      <span className={styles.field}>
        <span className={styles.label}>Fault</span>
        {isOff || fault.kind === "both" ? (
          <span>{FAULT_WORDS[fault.kind]}</span>
        ) : (
          <Select
            label={`Fault of route ${route.name || route.index + 1}`}
            choices={FAULTS}
            value={fault.kind}
            onChange={(kind) => set({ kind, percent: fault.kind === "none" ? 10 : fault.percent })}
          />
        )}
      </span>
      {isHere && (
        <TextField
          label="Of requests, %"
          value={String(fault.percent)}
          placeholder="100"
          isOff={isOff}
          inputMode="decimal"
          onCommit={(value) => {
            const percent = Number(value);
            if (percent >= 0 && percent <= 100) set({ percent });
          }}
        />
      )}
      {fault.kind === "abort" && (
        <TextField
          label="Answer"
          value={String(fault.status)}
          placeholder="503"
          isOff={isOff}
          inputMode="numeric"
          onCommit={(value) => /^[1-5]\d\d$/.test(value) && set({ status: Number(value) })}
        />
      )}
      {fault.kind === "delay" && (
        <TextField
          label="Delay"
          value={fault.delay}
          placeholder="1s"
          isOff={isOff}
          onCommit={(value) => value !== "" && set({ delay: value })}
        />
      )}
    </>
  );
}

const FAULT_WORDS = {
  none: "None",
  abort: "Abort",
  delay: "Delay",
  both: "Abort and delay: in the YAML",
} as const;
const FAULTS = (["none", "abort", "delay"] as const).map((value) => ({
  value,
  label: FAULT_WORDS[value],
}));

function TextField({
  label,
  value,
  placeholder,
  was,
  isOff,
  hasFinding = false,
  inputMode,
  onCommit,
}: {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly was?: string | undefined;
  readonly isOff: boolean;
  readonly hasFinding?: boolean;
  readonly inputMode?: "numeric" | "decimal";
  readonly onCommit: (value: string) => void;
}) {
  const isChanged = was !== undefined && was !== value;
  return (
    <label className={styles.field}>
      <span className={styles.label}>
        {label}
        {isChanged && <span className={styles.was}>, was {was === "" ? "none" : was}</span>}
      </span>
      <Committed
        label={label}
        value={value}
        placeholder={placeholder}
        isOff={isOff}
        isChanged={isChanged}
        hasFinding={hasFinding}
        {...(inputMode !== undefined && { inputMode })}
        onCommit={onCommit}
      />
    </label>
  );
}

/** A text field that takes effect on Enter or when one leaves it, so that half a value is never a rule; Esc takes it back. */
export function Committed({
  label,
  value,
  placeholder,
  isOff,
  isChanged = false,
  hasFinding = false,
  inputMode,
  onCommit,
}: {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly isOff: boolean;
  readonly isChanged?: boolean;
  readonly hasFinding?: boolean;
  readonly inputMode?: "numeric" | "decimal";
  readonly onCommit: (value: string) => void;
}) {
  const [typed, setTyped] = useState<string>();
  const id = useId();
  const commit = () => {
    if (typed !== undefined && typed !== value) onCommit(typed);
    setTyped(undefined);
  };
  return (
    <input
      id={id}
      aria-label={label}
      className={styles.input}
      data-changed={isChanged || undefined}
      data-finding={hasFinding || undefined}
      size={Math.max(6, Math.min(28, (typed ?? value).length + 1))}
      placeholder={placeholder}
      inputMode={inputMode}
      readOnly={isOff}
      value={typed ?? value}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter") commit();
        if (event.key !== "Escape" || typed === undefined) return;
        event.stopPropagation();
        setTyped(undefined);
      }}
    />
  );
}

/** The same route as it was: by its name, else by its place. */
function routeBefore(route: RouteForm, before: readonly RouteForm[]): RouteForm | undefined {
  if (route.name !== "") return before.find(({ name }) => name === route.name);
  const unnamed = before[route.index];
  return unnamed?.name === "" ? unnamed : undefined;
}

function withValue(values: readonly string[], value: string): readonly string[] {
  return value === "" || values.includes(value) ? values : [...values, value];
}
