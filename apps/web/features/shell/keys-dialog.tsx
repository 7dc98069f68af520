"use client";
import { Dialog } from "../../ui/dialog.tsx";
import { Kbd } from "../../ui/kbd.tsx";
import styles from "./keys-dialog.module.css";
import { PAGES } from "./pages.ts";

const KEYS: readonly (readonly [keys: readonly string[], act: string])[] = [
  [["Ctrl K"], "Find a service, a page or an act"],
  ...PAGES.map((page) => [["G", page.key.toUpperCase()], `Go to ${page.title}`] as const),
  [["D"], "Switch between light and dark"],
  [["?"], "Show all keys"],
  [["Esc"], "Step back one level"],
  [["/"], "Graph: find"],
  [["H"], "Graph: hide"],
  [["T"], "Graph: switch between graph and table"],
  [["0"], "Graph: fit everything in sight"],
  [["[", "]"], "Graph: as it was at the change before, or after"],
  [["."], "Graph: back to live"],
  [["↑", "↓", "←", "→"], "Graph: walk along threads and rows"],
  [["Enter"], "Graph: open what is focused"],
];

export function KeysDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog label="All keys" onClose={onClose}>
      <div className={styles.keys}>
        <h2>Keys</h2>
        <dl className={styles.list}>
          {KEYS.map(([keys, act]) => (
            <div key={act} className={styles.row}>
              <dt>
                {keys.map((key) => (
                  <Kbd key={key}>{key}</Kbd>
                ))}
              </dt>
              <dd>{act}</dd>
            </div>
          ))}
        </dl>
      </div>
    </Dialog>
  );
}
