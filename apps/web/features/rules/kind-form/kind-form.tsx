"use client";

import { useId, useMemo } from "react";
import type { DraftFinding } from "../draft-findings.ts";
import { FindingNote } from "../finding-note.tsx";
import type { YamlEdit, YamlPath } from "../rule-yaml.ts";
import type { FormGroup } from "./form-description.ts";
import { GroupPart } from "./group-part.tsx";
import styles from "./kind-form.module.css";
import { placeFindings } from "./place-findings.ts";
import { readForm } from "./read-form.ts";

/** The form of a kind, made from its description; what has no field is named, and stands in the YAML. */
export function KindForm({
  groups,
  document,
  before,
  findings,
  readOnlyReason,
  onEdit,
  onShow,
}: {
  readonly groups: readonly FormGroup[];
  readonly document: unknown;
  /** What the draft was begun from. */
  readonly before: unknown;
  readonly findings: readonly DraftFinding[];
  readonly readOnlyReason: string | undefined;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
  /** Shows a place in the YAML. */
  readonly onShow: (path: YamlPath) => void;
}) {
  const id = useId();
  const form = useMemo(() => readForm(groups, document, before), [groups, document, before]);
  const placed = useMemo(() => placeFindings(form, findings), [form, findings]);
  return (
    <div className={styles.form}>
      {form.lists.map((list) => (
        <GroupPart
          key={`${list.group.title} ${list.path.join("/")}`}
          id={id}
          list={list}
          document={document}
          placed={placed}
          readOnlyReason={readOnlyReason}
          onEdit={onEdit}
        />
      ))}
      {placed.get("")?.map((finding) => (
        <FindingNote
          key={finding.id}
          finding={finding}
          isOff={readOnlyReason !== undefined}
          onEdit={onEdit}
        />
      ))}
      {form.rest.length > 0 && (
        <section className={styles.rest} aria-label="In the YAML only">
          <h3>In the YAML only</h3>
          <ul>
            {form.rest.map(({ path, label }) => (
              <li key={path.join("/")}>
                <button type="button" className={styles.link} onClick={() => onShow(path)}>
                  {label}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
