export type Theme = "light" | "dark";

/** The server reads this cookie and writes `data-theme`, so a page never flashes in the wrong colours. */
export const THEME_COOKIE = "heddle-theme";

/** `undefined` for anything that is not a theme, a missing cookie included: then the system decides. */
export function parseTheme(value: string | undefined): Theme | undefined {
  return value === "light" || value === "dark" ? value : undefined;
}
