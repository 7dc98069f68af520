import type { YamlPath } from "../rule-yaml.ts";

/** What the form of a kind consists of; paths are relative to the group around. */

/**
 * `names`: a list of texts, typed with commas. `labels`: a map of texts, typed as `app=reviews, version=v1`. `flag`: yes,
 * no, or left out. What is left out is what its `unset` says.
 */
export type FieldControl =
  | {
      readonly type: "text";
      readonly placeholder?: string;
      readonly suggestions?: readonly string[];
    }
  | { readonly type: "number"; readonly placeholder?: string }
  | { readonly type: "choice"; readonly values: readonly string[]; readonly unset: string }
  | { readonly type: "flag"; readonly unset: string }
  | { readonly type: "names"; readonly placeholder?: string }
  | { readonly type: "labels"; readonly placeholder?: string };

export interface FormField {
  readonly path: YamlPath;
  readonly label: string;
  readonly control: FieldControl;
  /** Few set it: it is shown once it has a value, or when one asks for more fields. */
  readonly isRare?: true;
}

export interface FormGroup {
  /** Of a group that repeats, of one item: "Subset". */
  readonly title: string;
  /** What it does, or what it means if it is not there. */
  readonly words?: string;
  readonly path: YamlPath;
  readonly fields?: readonly FormField[];
  readonly groups?: readonly FormGroup[];
  /** It can be added with these values, and taken away; absent: its fields are simply there. */
  readonly fresh?: unknown;
  /** It is there any number of times: as items of a list, or by the keys of a map. */
  readonly repeats?: GroupRepeats;
}

type GroupRepeats =
  | { readonly as: "list"; readonly nameAt?: YamlPath }
  | { readonly as: "map"; readonly keyLabel: string; readonly freshKey: string };

export const text = (
  path: YamlPath,
  label: string,
  placeholder?: string,
  suggestions?: readonly string[],
): FormField => ({
  path,
  label,
  control: {
    type: "text",
    ...(placeholder !== undefined && { placeholder }),
    ...(suggestions !== undefined && { suggestions }),
  },
});
export const number = (path: YamlPath, label: string, placeholder?: string): FormField => ({
  path,
  label,
  control: { type: "number", ...(placeholder !== undefined && { placeholder }) },
});
export const choice = (
  path: YamlPath,
  label: string,
  unset: string,
  values: readonly string[],
): FormField => ({ path, label, control: { type: "choice", values, unset } });
export const flag = (path: YamlPath, label: string, unset: string): FormField => ({
  path,
  label,
  control: { type: "flag", unset },
});
export const names = (path: YamlPath, label: string, placeholder?: string): FormField => ({
  path,
  label,
  control: { type: "names", ...(placeholder !== undefined && { placeholder }) },
});
export const labels = (path: YamlPath, label: string, placeholder?: string): FormField => ({
  path,
  label,
  control: { type: "labels", ...(placeholder !== undefined && { placeholder }) },
});
export const rare = (field: FormField): FormField => ({ ...field, isRare: true });

/** Which workloads a policy is for. */
export const SELECTOR: FormField = labels(
  ["selector", "matchLabels"],
  "For workloads with",
  "all of the namespace",
);
