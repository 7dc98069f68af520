"use client";
import { useSyncExternalStore } from "react";
import { parseTheme, THEME_COOKIE, type Theme } from "./theme-cookie.ts";

const YEAR_SECONDS = 31_536_000;

export function setTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  document.cookie = `${THEME_COOKIE}=${theme}; path=/; max-age=${YEAR_SECONDS}; samesite=strict`;
}

export function toggleTheme(): void {
  setTheme(currentTheme() === "dark" ? "light" : "dark");
}

function currentTheme(): Theme {
  const chosen = parseTheme(document.documentElement.dataset.theme);
  if (chosen !== undefined) return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** The theme on screen; it changes with the switch, the D key and the system's setting. */
export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, currentTheme, () => "light");
}

function subscribe(onChange: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(onChange);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  system.addEventListener("change", onChange);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", onChange);
  };
}
