"use client";

import type { Grant, Role } from "@heddle/contracts";
import { Plus, X } from "lucide-react";
import { useId } from "react";
import { useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { Select } from "../../ui/select.tsx";
import { namespaceWords } from "./grant-words.ts";
import styles from "./settings.module.css";

const ROLES: readonly { readonly value: Role; readonly label: string }[] = [
  { value: "viewer", label: "viewer" },
  { value: "operator", label: "operator" },
  { value: "admin", label: "admin" },
];

/** Roles by namespace, a row each; namespaces of the mesh are offered, others can be typed. */
export function GrantsEditor({
  grants,
  onChange,
}: {
  readonly grants: readonly Grant[];
  readonly onChange: (grants: readonly Grant[]) => void;
}) {
  const listId = useId();
  const { data } = useWorkloads();
  const known = [...new Set(data?.workloads.map(({ namespace }) => namespace))].sort();
  const set = (index: number, grant: Grant) => onChange(grants.with(index, grant));
  const next = [...known, "*"].find((one) => !grants.some(({ namespace }) => namespace === one));
  return (
    <fieldset className={styles.grants}>
      <legend>Roles</legend>
      <datalist id={listId}>
        <option value="*">the whole mesh</option>
        {known.map((namespace) => (
          <option key={namespace} value={namespace} />
        ))}
      </datalist>
      {grants.map((grant, index) => (
        // Rows are told apart by their place alone: two may say the same while one is being written.
        <div key={index} className={styles.grant}>
          <Select
            label={`Role ${index + 1}`}
            choices={ROLES}
            value={grant.role}
            onChange={(role) => set(index, { ...grant, role })}
          />
          <span>on</span>
          <input
            aria-label={`Namespace ${index + 1}, * is the whole mesh`}
            className={styles.input}
            list={listId}
            value={grant.namespace}
            placeholder="namespace or *"
            maxLength={63}
            spellCheck={false}
            autoCapitalize="none"
            onChange={(event) => set(index, { ...grant, namespace: event.target.value.trim() })}
          />
          <IconButton
            size="toolbar"
            label={`Take away ${grant.role} on ${namespaceWords(grant.namespace)}`}
            icon={<X size={14} />}
            onClick={() => onChange(grants.toSpliced(index, 1))}
          />
        </div>
      ))}
      {grants.length === 0 && <p className={styles.quiet}>Without a role one sees nothing.</p>}
      <Button
        size="toolbar"
        icon={<Plus size={14} />}
        onClick={() => onChange([...grants, { namespace: next ?? "", role: "viewer" }])}
      >
        Add a role
      </Button>
    </fieldset>
  );
}
