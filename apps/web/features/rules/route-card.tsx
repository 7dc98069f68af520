"use client";

import { ArrowDown, ArrowUp, Trash2 } from "lucide-react";
import { formatRate } from "../../lib/numbers.ts";
import { IconButton } from "../../ui/button.tsx";
import { classNames } from "../../ui/class-names.ts";
import { Select } from "../../ui/select.tsx";
import { ConditionFields } from "./condition-fields.tsx";
import { DestinationWeights } from "./destination-weights.tsx";
import type { DraftFinding } from "./draft-findings.ts";
import { FaultFields } from "./fault-fields.tsx";
import { FindingNote } from "./finding-note.tsx";
import {
  mirrorEdit,
  moveRouteEdit,
  type RouteForm,
  removeRouteEdit,
  retriesEdit,
  routeBefore,
  timeoutEdit,
} from "./http-routes.ts";
import styles from "./route-card.module.css";
import type { YamlEdit } from "./rule-yaml.ts";
import { Field, TextField } from "./text-field.tsx";
import { withValue } from "./with-value.ts";

export interface RouteCardProps {
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

/** One route: what it takes, where that goes, and how long it may last. */
export function RouteCard({
  route,
  routes,
  before: allBefore,
  subsetsOf,
  findings,
  rates,
  readOnlyReason,
  onEdit,
}: RouteCardProps & { readonly route: RouteForm }) {
  const before = routeBefore(route, allBefore);
  const isOff = readOnlyReason !== undefined;
  const rate = rates.get(route.name);
  const host = route.destinations[0]?.host ?? "";
  const subsets = subsetsOf(host);
  const own = findings.filter(({ path }) => path?.startsWith(`spec.http[${route.index}]`));
  // The same of several destinations is told once here; the text marks each.
  const told = [...new Map(own.map((finding) => [finding.message, finding])).values()];
  const name = route.name || `route ${route.index + 1}`;
  // "When header x-tester is exactly 1, send all to v3" is read in one go.
  const isSentence = route.instead === undefined && route.destinations.length === 1;
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
      <div className={isSentence ? styles.sentence : undefined}>
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
          <DestinationWeights
            route={route}
            before={before}
            subsets={subsets}
            isOff={isOff}
            onEdit={onEdit}
          />
        )}
      </div>
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
          <Field label="Mirror">
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
          </Field>
        </div>
      )}
      {told.length > 0 && (
        <div className={styles.findings}>
          {told.map((finding) => (
            <FindingNote key={finding.id} finding={finding} isOff={isOff} onEdit={onEdit} />
          ))}
        </div>
      )}
    </section>
  );
}
