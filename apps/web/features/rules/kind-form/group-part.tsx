"use client";

import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../../ui/button.tsx";
import { classNames } from "../../../ui/class-names.ts";
import type { DraftFinding } from "../draft-findings.ts";
import { FindingNote } from "../finding-note.tsx";
import type { YamlEdit } from "../rule-yaml.ts";
import { TextField } from "../text-field.tsx";
import { FieldControl } from "./field-control.tsx";
import { addEdit, removeEdit, renameKeyEdit } from "./form-edits.ts";
import styles from "./kind-form.module.css";
import { groupKey } from "./place-findings.ts";
import { type GroupList, type GroupView, isThere } from "./read-form.ts";

interface PartProps {
  /** Tells this form's elements from those of others on the page. */
  readonly id: string;
  readonly document: unknown;
  readonly placed: ReadonlyMap<string, readonly DraftFinding[]>;
  readonly readOnlyReason: string | undefined;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}

/** One group of a form with what acts on it: all its items, or the one there is or could be. */
export function GroupPart({
  list,
  isInner = false,
  ...props
}: PartProps & {
  readonly list: GroupList;
  /** It belongs to an item: what it lacks is only a button. */
  readonly isInner?: boolean;
}) {
  const { id, document, readOnlyReason, onEdit } = props;
  const { group, views } = list;
  const noun = group.title.toLowerCase();
  const [only] = views;
  const addId = `${id}add-${list.path.join("-")}`;
  const add = () => {
    const edits = addEdit(document, list);
    onEdit(edits);
    const path = edits[0]?.path ?? list.path;
    focusSoon(`#${CSS.escape(elementId(id, path))} :is(input, select)`);
  };
  const remove = (view: GroupView) => {
    onEdit(removeEdit(view));
    focusSoon(`#${CSS.escape(addId)}`);
  };
  if (group.repeats === undefined) {
    if (only === undefined) return null;
    if (isThere(only)) {
      return (
        <GroupCard
          {...props}
          view={only}
          onRemove={group.fresh === undefined ? undefined : () => remove(only)}
        />
      );
    }
    if (isInner) {
      return (
        <AddButton id={addId} label={`Add ${noun}`} readOnlyReason={readOnlyReason} onAdd={add}>
          {group.title}
        </AddButton>
      );
    }
    return (
      <div className={styles.absent}>
        <h3>{group.title}</h3>
        <span className={styles.words}>
          {only.state === "gone" ? <b>taken away</b> : (group.words ?? "none")}
        </span>
        <AddButton
          id={addId}
          label={`Add ${noun}`}
          className={styles.acts}
          readOnlyReason={readOnlyReason}
          onAdd={add}
        >
          Add
        </AddButton>
      </div>
    );
  }
  return (
    <section className={styles.list} aria-label={`${group.title}s`}>
      <header className={styles.listHead}>
        <h3>{group.title}s</h3>
        <span className={styles.words}>{group.words}</span>
        <AddButton
          id={addId}
          label={`Add ${withArticle(noun)}`}
          className={styles.acts}
          readOnlyReason={readOnlyReason}
          onAdd={add}
        >
          {`Add ${withArticle(noun)}`}
        </AddButton>
      </header>
      {views.map((view) => (
        <GroupCard {...props} key={view.path.join("/")} view={view} onRemove={() => remove(view)} />
      ))}
    </section>
  );
}

function GroupCard({
  view,
  onRemove,
  ...props
}: PartProps & {
  readonly view: GroupView;
  /** Absent: it is always there. */
  readonly onRemove: (() => void) | undefined;
}) {
  const { id, document, placed, readOnlyReason, onEdit } = props;
  const { group, path, item, state, fields, groups } = view;
  const [hasAll, setHasAll] = useState(false);
  const isOff = readOnlyReason !== undefined;
  const findings = placed.get(groupKey(view)) ?? [];
  const told = [...new Map(findings.map((finding) => [finding.message, finding])).values()];
  const hidden = fields.filter(
    ({ field, value, was = "" }) => field.isRare === true && value === "" && was === "",
  );
  const shown = hasAll ? fields : fields.filter((one) => !hidden.includes(one));
  const present = groups.filter((list) => !isAbsent(list));
  const absent = groups.filter(isAbsent);
  const name =
    item === undefined
      ? group.title
      : item.name === ""
        ? `${group.title} ${item.number}`
        : `${group.title} ${item.name}`;
  return (
    <section
      id={elementId(id, path)}
      className={classNames(styles.card, state === "new" && styles.isNew)}
      aria-label={name}
    >
      <header className={styles.head}>
        <h3>{name}</h3>
        {state === "new" && <span className={styles.new}>new</span>}
        {item === undefined && <span className={styles.words}>{group.words}</span>}
        {onRemove !== undefined && (
          <span className={styles.acts}>
            <IconButton
              size="toolbar"
              label={`Remove ${name}`}
              icon={<Trash2 size={14} />}
              disabledReason={readOnlyReason}
              onClick={onRemove}
            />
          </span>
        )}
      </header>
      {(shown.length > 0 || hidden.length > 0 || group.repeats?.as === "map") && (
        <div className={styles.fields}>
          {group.repeats?.as === "map" && (
            <TextField
              label={group.repeats.keyLabel}
              value={item?.name ?? ""}
              placeholder={group.repeats.freshKey}
              isOff={isOff}
              onCommit={(key) => onEdit(renameKeyEdit(document, view, key))}
            />
          )}
          {shown.map((one) => (
            <FieldControl
              key={one.path.join("/")}
              view={one}
              within={name}
              document={document}
              findings={findings}
              isOff={isOff}
              onEdit={onEdit}
            />
          ))}
          {(hidden.length > 0 || hasAll) && (
            <Button
              kind="ghost"
              size="toolbar"
              className={styles.more}
              aria-expanded={hasAll}
              onClick={() => setHasAll(!hasAll)}
            >
              {hasAll ? "Fewer fields" : `${hidden.length} more`}
            </Button>
          )}
        </div>
      )}
      {told.length > 0 && (
        <div className={styles.findings}>
          {told.map((finding) => (
            <FindingNote key={finding.id} finding={finding} isOff={isOff} onEdit={onEdit} />
          ))}
        </div>
      )}
      {groups.length > 0 && (
        <div className={styles.inner}>
          {present.map((list) => (
            <GroupPart key={keyOf(list)} {...props} list={list} />
          ))}
          {absent.length > 0 && (
            <div className={styles.absentees}>
              {absent.map((list) => (
                <GroupPart key={keyOf(list)} {...props} list={list} isInner />
              ))}
            </div>
          )}
        </div>
      )}
    </section>
  );
}

function AddButton({
  id,
  label,
  className,
  readOnlyReason,
  onAdd,
  children,
}: {
  readonly id: string;
  readonly label: string;
  readonly className?: string | undefined;
  readonly readOnlyReason: string | undefined;
  readonly onAdd: () => void;
  readonly children: string;
}) {
  return (
    <span className={className}>
      <Button
        id={id}
        kind="ghost"
        size="toolbar"
        icon={<Plus size={14} />}
        aria-label={label}
        disabledReason={readOnlyReason}
        onClick={onAdd}
      >
        {children}
      </Button>
    </span>
  );
}

function keyOf({ group, path }: GroupList): string {
  return `${group.title} ${path.join("/")}`;
}

/** One that could be added, and is not there. */
function isAbsent({ group, views: [only] }: GroupList): boolean {
  return group.repeats === undefined && only !== undefined && !isThere(only);
}

function elementId(id: string, path: readonly (string | number)[]): string {
  return `${id}${path.join("-")}`;
}

/** What an edit brings or leaves behind is there after the next paint; the keyboard goes on from it. */
function focusSoon(selector: string): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>(selector)?.focus());
}

function withArticle(noun: string): string {
  return `${/^[aeio]/.test(noun) ? "an" : "a"} ${noun}`;
}
