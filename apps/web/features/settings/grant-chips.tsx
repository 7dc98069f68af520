import type { Grant } from "@heddle/contracts";
import { Chip } from "../../ui/chip.tsx";
import { grantWords } from "./grant-words.ts";
import styles from "./settings.module.css";

const TONES = { viewer: "neutral", operator: "tcp", admin: "accent" } as const;

/** `operator on shop`, a chip each. */
export function GrantChips({ grants }: { readonly grants: readonly Grant[] }) {
  if (grants.length === 0) return <span className={styles.quiet}>no role</span>;
  return (
    <span className={styles.chips}>
      {grants.map((grant) => (
        <Chip key={grant.namespace} tone={TONES[grant.role]}>
          {grantWords(grant)}
        </Chip>
      ))}
    </span>
  );
}
