import type { z } from "zod";

/** One thing wrong with one document: where it is, what is wrong, what is allowed. */
export type Fault = {
  /** e.g. `document 2 (VirtualService shop/reviews): spec.http[0].timeout` */
  readonly field: string;
  readonly message: string;
};

/** `spec.http[0].route[1].weight` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? String(step) : `${text}.${String(step)}`;
  }, "");
}

/** A schema's complaints as faults; each shows the value it is about. */
export function faultsOf(
  error: z.ZodError,
  document: unknown,
  where: (path: readonly PropertyKey[]) => string,
): Fault[] {
  return error.issues.flatMap((issue): Fault[] => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        field: where([...issue.path, key]),
        message: issue.message,
      }));
    }
    if (issue.code === "invalid_key") {
      const key = show(issue.path.at(-1));
      const reason = issue.issues[0]?.message ?? issue.message;
      return [
        { field: where(issue.path.slice(0, -1)), message: `Invalid value: ${key}; ${reason}` },
      ];
    }
    const value = valueAt(document, issue.path);
    const message = messageOf(issue, value, formatPath(issue.path));
    return [{ field: where(issue.path), message }];
  });
}

/** In the words of Kubernetes, which people of Istio know. */
function messageOf(issue: z.core.$ZodIssue, value: unknown, path: string): string {
  if (value === undefined) return `Required value: ${expectationOf(issue, value)}`;
  if (issue.code === "invalid_type" && issue.expected === "object") {
    return `${path} in body must be of type object: ${show(value)}`;
  }
  if (issue.code === "too_small" && issue.origin === "string" && issue.minimum === 1) {
    return `${path} in body should be at least 1 chars long; give a value or leave the field out`;
  }
  if (issue.code === "invalid_format" && issue.message.startsWith("Invalid string")) {
    return `Invalid value: ${show(value)}; ${path} in body should match ${String(issue["pattern"])}`;
  }
  const prefix = issue.code === "invalid_value" ? "Unsupported value" : "Invalid value";
  return `${prefix}: ${show(value)}; ${expectationOf(issue, value)}`;
}

function expectationOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === "invalid_value" && issue.message.startsWith("Invalid ")) {
    const allowed = issue.values.map((one) => (one === "" ? '""' : String(one)));
    return `expected ${allowed.length > 1 ? "one of " : ""}${allowed.join(", ")}`;
  }
  if (issue.code !== "invalid_type" || !issue.message.startsWith("Invalid input")) {
    return issue.message;
  }
  const isUnquoted =
    issue.expected === "string" && typeof value !== "object" && value !== undefined;
  return `expected ${issue.expected}${isUnquoted ? " (put it in quotes)" : ""}`;
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof value !== "object" || value === null) return undefined;
    return (value as Record<PropertyKey, unknown>)[step];
  }, document);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
