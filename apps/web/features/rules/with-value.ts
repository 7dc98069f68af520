/** The choices, with the value that stands although it is none of them. */
export function withValue(values: readonly string[], value: string): readonly string[] {
  return value === "" || values.includes(value) ? values : [...values, value];
}
