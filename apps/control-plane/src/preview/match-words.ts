import type { RouteMatch, SourceSelector, StringMatch } from "@heddle/mesh";

/** A match block as people read it: `GET, path starts with /api, x-tester: 1`; `any` for one that takes everything. */
export function describeMatch(match: RouteMatch | undefined): string {
  if (match === undefined) return "any";
  const { method, uri, ignoreUriCase, authority, scheme, port, source } = match;
  const parts = [
    method && describeText("method", method, (value) => value),
    uri && `${describeText("path", uri)}${ignoreUriCase === true ? " (any case)" : ""}`,
    authority && describeText("host", authority),
    scheme && describeText("scheme", scheme),
    port === undefined ? undefined : `port ${port}`,
    ...Object.entries(match.headers ?? {}).map(([name, text]) =>
      describeText(name, text, (value) => `${name}: ${value}`),
    ),
    ...Object.entries(match.withoutHeaders ?? {}).map(([name, text]) =>
      text.kind === "present" ? `without ${name}` : `not ${describeText(name, text)}`,
    ),
    ...Object.entries(match.queryParams ?? {}).map(([name, text]) =>
      describeText(`?${name}`, text, (value) => `?${name}=${value}`),
    ),
    source && describeSource(source),
  ].filter((part) => part !== undefined && part !== "");
  return parts.length === 0 ? "any" : parts.join(", ");
}

/** `from shop, app=web`. */
export function describeSource({ namespaces, labels }: SourceSelector): string {
  const parts = [
    ...(namespaces ?? []),
    ...Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`),
  ];
  return parts.length === 0 ? "" : `from ${parts.join(", ")}`;
}

function describeText(
  subject: string,
  text: StringMatch,
  exactly: (value: string) => string = (value) => `${subject} ${value}`,
): string {
  switch (text.kind) {
    case "exact":
      return exactly(text.value);
    case "prefix":
      return `${subject} starts with ${text.value}`;
    case "regex":
      return text.value === "*" ? `with ${subject}` : `${subject} matches ${text.value}`;
    default:
      return `with ${subject}`;
  }
}
