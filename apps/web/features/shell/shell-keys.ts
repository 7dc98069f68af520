"use client";
import { useRouter } from "next/navigation";
import { useEffect, useRef } from "react";
import { isTyping } from "./key-target.ts";
import { PAGES } from "./pages.ts";
import { toggleTheme } from "./theme.ts";

/** How long G waits for its second key. */
const CHORD_MS = 1500;

/** The keys that work on every page: Ctrl K, G then a page, D, ?. Pages add their own. */
export function useShellKeys(acts: {
  readonly onPalette: () => void;
  readonly onKeys: () => void;
}) {
  const router = useRouter();
  const latest = useRef(acts);
  latest.current = acts;
  useEffect(() => {
    let chordUntilMs = 0;
    const onKeyDown = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        latest.current.onPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const key = event.key.toLowerCase();
      if (performance.now() < chordUntilMs) {
        chordUntilMs = 0;
        const page = PAGES.find((one) => one.key === key);
        if (page === undefined) return;
        event.preventDefault();
        event.stopImmediatePropagation(); // the page's own H (hide) must not see the H of "G H"
        router.push(page.path);
        return;
      }
      if (key === "g") chordUntilMs = performance.now() + CHORD_MS;
      else if (key === "d") toggleTheme();
      else if (key === "?") latest.current.onKeys();
    };
    // Captured, so that a chord's second key is taken before a page's listener.
    window.addEventListener("keydown", onKeyDown, { capture: true });
    return () => window.removeEventListener("keydown", onKeyDown, { capture: true });
  }, [router]);
}
