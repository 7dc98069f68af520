"use client";

import { useEffect, useRef } from "react";
import { isTyping } from "../shell/key-target.ts";

/** Ctrl S asks to apply from anywhere; Ctrl Z and Ctrl Y take a step back or forth where no field has its own. */
export function useEditorKeys(acts: {
  readonly onApply: () => void;
  readonly onUndo: () => void;
  readonly onRedo: () => void;
}): void {
  const latest = useRef(acts);
  latest.current = acts;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "s") {
        event.preventDefault();
        latest.current.onApply();
      } else if (!isTyping(event.target) && (key === "z" || key === "y")) {
        event.preventDefault();
        if (key === "y" || event.shiftKey) latest.current.onRedo();
        else latest.current.onUndo();
      }
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}
