"use client";
import { useEffect, useRef } from "react";
import { isTyping } from "../shell/key-target.ts";

type GraphKeyActs = {
  readonly onFind: () => void;
  readonly onHide: () => void;
  readonly onTable: () => void;
  readonly onFit: () => void;
  readonly onBack: () => void;
  readonly onLive: () => void;
  readonly onChangeBefore: () => void;
  readonly onChangeAfter: () => void;
};

/** `/` find, `H` hide, `T` table, `0` fit, `[` `]` change before and after, `.` back to live, Esc steps back. */
export function useGraphKeys(acts: GraphKeyActs): void {
  const latest = useRef(acts);
  latest.current = acts;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (act === undefined) return;
      event.preventDefault();
      latest.current[act]();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

const KEYS: Readonly<Record<string, keyof GraphKeyActs>> = {
  "/": "onFind",
  h: "onHide",
  t: "onTable",
  "0": "onFit",
  ".": "onLive",
  "[": "onChangeBefore",
  "]": "onChangeAfter",
  Escape: "onBack",
};
