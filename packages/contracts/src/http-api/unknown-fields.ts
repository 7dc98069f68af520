/**
 * The fields of `input` that its schema let drop: `grants.0.colour`. What a transform made into something of
 * another form is not looked into.
 */
export function unknownFields(input: unknown, parsed: unknown, at = ""): string[] {
  if (Array.isArray(input) && Array.isArray(parsed)) {
    return input.flatMap((item, index) => unknownFields(item, parsed[index], `${at}${index}.`));
  }
  if (!isRecord(input) || !isRecord(parsed)) return [];
  return Object.entries(input).flatMap(([name, value]) =>
    Object.hasOwn(parsed, name)
      ? unknownFields(value, parsed[name], `${at}${name}.`)
      : [`${at}${name}`],
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
