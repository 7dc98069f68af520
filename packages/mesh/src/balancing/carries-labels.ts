type Labels = Readonly<Record<string, string>>;

/** Whether an endpoint's labels hold all those a subset asks for; no labels select every endpoint. */
export function carriesLabels(labels: Labels, wanted: Labels): boolean {
  for (const key in wanted) if (labels[key] !== wanted[key]) return false;
  return true;
}
