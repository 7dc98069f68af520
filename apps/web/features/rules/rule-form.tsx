"use client";

import { Plus } from "lucide-react";
import { Button } from "../../ui/button.tsx";
import type { DraftFinding } from "./draft-findings.ts";
import { FieldsForm } from "./fields-form.tsx";
import { HttpForm } from "./http-form.tsx";
import { addRouteEdit, readRoutes } from "./http-routes.ts";
import { findForm } from "./kind-form/find-form.ts";
import { KindForm } from "./kind-form/kind-form.tsx";
import styles from "./rule-editor.module.css";
import type { ReadRule, YamlEdit, YamlPath } from "./rule-yaml.ts";
import { useSubsets } from "./use-subsets.ts";

/** The left side of the editor: the form its kind has, or why there is none now. */
export function RuleForm({
  rule,
  before,
  findings,
  rates,
  readOnlyReason,
  onEdit,
  onShow,
}: {
  readonly rule: ReadRule;
  readonly before: ReadRule;
  readonly findings: readonly DraftFinding[];
  readonly rates: ReadonlyMap<string, number>;
  readonly readOnlyReason: string | undefined;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
  /** Shows a place in the YAML. */
  readonly onShow: (path: YamlPath) => void;
}) {
  const isRoutes = rule.kind === "rule" && rule.identity.kind === "VirtualService";
  const routes = isRoutes ? readRoutes(rule.value) : [];
  const subsetsOf = useSubsets(rule.kind === "rule" ? rule.identity.namespace : "default");
  const old = before.kind === "rule" ? before.value : {};
  const groups = rule.kind === "rule" ? findForm(rule.identity.kind) : undefined;
  return (
    <section className={styles.form} aria-label="Form">
      <header className={styles.paneHead}>
        <h2>Form</h2>
        <span className={styles.caption}>both sides are the same rule</span>
        {isRoutes && (
          <span className={styles.paneActs}>
            <Button
              kind="ghost"
              size="toolbar"
              icon={<Plus size={14} />}
              disabledReason={readOnlyReason}
              onClick={() => onEdit(addRouteEdit(rule.value, routes))}
            >
              Add a match
            </Button>
          </span>
        )}
      </header>
      <div className={styles.formBody}>
        {rule.kind === "fault" ? (
          <p className={styles.note}>
            The YAML cannot be read now, so the form has nothing to show. {rule.message}
          </p>
        ) : rule.hasMore ? (
          <p className={styles.note}>
            The YAML holds more than one document. They are applied together; the form is for one.
          </p>
        ) : routes.length > 0 ? (
          <HttpForm
            routes={routes}
            before={readRoutes(old)}
            subsetsOf={subsetsOf}
            findings={findings}
            rates={rates}
            readOnlyReason={readOnlyReason}
            onEdit={onEdit}
          />
        ) : groups !== undefined ? (
          <KindForm
            groups={groups}
            document={rule.value}
            before={old}
            findings={findings}
            readOnlyReason={readOnlyReason}
            onEdit={onEdit}
            onShow={onShow}
          />
        ) : (
          <FieldsForm
            document={rule.value}
            before={old}
            findings={findings}
            readOnlyReason={readOnlyReason}
            onEdit={onEdit}
          />
        )}
      </div>
    </section>
  );
}
