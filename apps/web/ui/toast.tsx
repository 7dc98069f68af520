"use client";
import { X } from "lucide-react";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from "react";
import { StatusGlyph } from "./status-glyph.tsx";
import styles from "./toast.module.css";

/** How long an act can be taken back from its toast; in History it stays for ever. */
const TOAST_MS = 10_000;
const MOST_TOASTS = 3;

export type ToastInput = {
  readonly text: string;
  readonly tone?: "ok" | "warn" | "bad";
  /** Offered as a button; `label` is verb and object ("Undo"). */
  readonly act?: { readonly label: string; readonly run: () => void };
};
type Toast = ToastInput & { readonly id: number };

const ShowToast = createContext<(toast: ToastInput) => void>(() => {
  throw new Error("useToast: no ToastProvider above");
});

/** Shows a toast, bottom right, for ten seconds. */
export function useToast(): (toast: ToastInput) => void {
  return useContext(ShowToast);
}

let nextId = 1;

/** Three toasts at most; they wait while one points at them, and are announced politely. */
export function ToastProvider({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const [isHeld, setIsHeld] = useState(false);
  const show = useCallback((toast: ToastInput) => {
    setToasts((shown) => [...shown, { ...toast, id: nextId++ }].slice(-MOST_TOASTS));
  }, []);
  const dismiss = useCallback((id: number) => {
    setToasts((shown) => shown.filter((toast) => toast.id !== id));
  }, []);
  const stack = useMemo(
    () =>
      toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} isHeld={isHeld} onEnd={() => dismiss(toast.id)} />
      )),
    [toasts, isHeld, dismiss],
  );
  return (
    <ShowToast value={show}>
      {children}
      <section
        className={styles.stack}
        aria-label="Messages"
        aria-live="polite"
        onPointerEnter={() => setIsHeld(true)}
        onPointerLeave={() => setIsHeld(false)}
        onFocus={() => setIsHeld(true)}
        onBlur={() => setIsHeld(false)}
      >
        {stack}
      </section>
    </ShowToast>
  );
}

const GLYPHS = { ok: "healthy", warn: "degraded", bad: "failing" } as const;

function ToastCard({
  toast,
  isHeld,
  onEnd,
}: {
  readonly toast: Toast;
  readonly isHeld: boolean;
  readonly onEnd: () => void;
}) {
  useEffect(() => {
    if (isHeld) return undefined;
    const timer = setTimeout(onEnd, TOAST_MS);
    return () => clearTimeout(timer);
  }, [isHeld, onEnd]);
  return (
    <div className={styles.toast}>
      <StatusGlyph status={GLYPHS[toast.tone ?? "ok"]} />
      <span className={styles.text}>{toast.text}</span>
      {toast.act !== undefined && (
        <button
          type="button"
          className={styles.act}
          onClick={() => {
            toast.act?.run();
            onEnd();
          }}
        >
          {toast.act.label}
        </button>
      )}
      <button type="button" className={styles.close} aria-label="Dismiss message" onClick={onEnd}>
        <X size={14} />
      </button>
    </div>
  );
}
