/**
 * Where login may lead: a path of this console. Anything that a browser could read as another origin
 * (`//host`, `/\host`, `https:…`) or as the login page itself becomes `/`.
 */
export function returnPathOf(wanted: string | null | undefined): string {
  if (wanted === null || wanted === undefined || !wanted.startsWith("/")) return "/";
  const base = "http://console.invalid";
  if (!URL.canParse(wanted, base)) return "/";
  const url = new URL(wanted, base);
  if (url.origin !== base || url.pathname === "/login" || url.pathname.startsWith("/api/"))
    return "/";
  const path = url.pathname + url.search + url.hash;
  return path.startsWith("//") ? "/" : path;
}
