/** The token in what someone pasted: a whole login link or the bare token. `undefined`: neither. */
export function loginTokenOf(pasted: string): string | undefined {
  const text = pasted.trim();
  if (text === "" || /\s/.test(text)) return undefined;
  if (!URL.canParse(text)) return text.includes("/") ? undefined : text;
  return new URL(text).searchParams.get("token") ?? undefined;
}
