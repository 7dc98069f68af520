"use client";
import { ChevronDown, ChevronRight } from "lucide-react";
import { type ReactNode, useId, useRef } from "react";
import styles from "./opening-row.module.css";
import { Td, Th, Tr } from "./table.tsx";

/** The narrow first column of a table whose rows open. */
export function OpeningHead() {
  return (
    <Th className={styles.chevron}>
      <span className="visually-hidden">Details</span>
    </Th>
  );
}

/**
 * A row that opens to its details below. The whole row can be clicked; the chevron is its button. Esc inside the details
 * closes them and gives the focus back.
 */
export function OpeningRow({
  name,
  isOpen,
  isSelected = false,
  columns,
  details,
  children,
  onToggle,
}: {
  /** What opens, for the button: "Open shipping-v3". */
  readonly name: string;
  readonly isOpen: boolean;
  readonly isSelected?: boolean;
  /** With the chevron's. */
  readonly columns: number;
  /** Rendered while it is open. */
  readonly details: () => ReactNode;
  /** The cells after the chevron's. */
  readonly children: ReactNode;
  readonly onToggle: () => void;
}) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <Tr
        onClick={onToggle}
        isSelected={isSelected}
        className={isOpen ? styles.openRow : undefined}
      >
        <Td className={styles.chevron}>
          <button
            ref={button}
            type="button"
            className={styles.toggle}
            aria-expanded={isOpen}
            aria-controls={isOpen ? id : undefined}
            aria-label={`${isOpen ? "Close" : "Open"} ${name}`}
            onClick={(event) => {
              event.stopPropagation();
              onToggle();
            }}
          >
            {isOpen ? <ChevronDown size={15} /> : <ChevronRight size={15} />}
          </button>
        </Td>
        {children}
      </Tr>
      {isOpen && (
        <tr id={id}>
          <td
            colSpan={columns}
            className={styles.details}
            onKeyDown={(event) => {
              if (event.key !== "Escape" || event.defaultPrevented) return;
              onToggle();
              button.current?.focus();
            }}
          >
            {details()}
          </td>
        </tr>
      )}
    </>
  );
}
