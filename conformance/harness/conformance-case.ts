import type { Carrier, CaseMesh } from "./case-mesh.ts";

/** A rule of the config language, and its proof by traffic. */
export type ConformanceCase = {
  /** As `listCompatibility` names them, the kind first: `VirtualService spec.http[].timeout`. */
  readonly fields: readonly string[];
  /** What these fields do, as a present-tense sentence. */
  readonly title: string;
  /** It holds for the whole mesh or a whole namespace, so nothing else may run beside it. */
  readonly isAlone: boolean;
  readonly carrier: Carrier;
  readonly run: (mesh: CaseMesh) => Promise<void>;
};

/** A case of a kind's fields, which are written without `spec.`. */
export function proof(
  kind: string,
  fields: string,
  title: string,
  run: ConformanceCase["run"],
  options: { readonly isAlone?: boolean } = {},
): ConformanceCase {
  return {
    fields: fields.split(" ").map((field) => `${kind} spec.${field}`),
    title,
    isAlone: options.isAlone ?? false,
    carrier: "DestinationRule",
    run,
  };
}

const PLACES: Readonly<Record<Carrier, string>> = {
  DestinationRule: "spec.trafficPolicy",
  TrafficPolicy: "spec",
  MeshConfig: "spec.defaultTrafficPolicy",
};

/**
 * The same rule in each kind that has the block: DestinationRule and TrafficPolicy always, MeshConfig for the
 * two blocks it has. A MeshConfig's rule meets the whole mesh.
 */
export function policyProofs(
  fields: string,
  title: string,
  run: ConformanceCase["run"],
): ConformanceCase[] {
  const isEverywhere = /^(connectionPool|outlierDetection)/.test(fields);
  const carriers: Carrier[] = ["DestinationRule", "TrafficPolicy"];
  if (isEverywhere) carriers.push("MeshConfig");
  return carriers.map((carrier) => ({
    fields: fields.split(" ").map((field) => `${carrier} ${PLACES[carrier]}.${field}`),
    title,
    isAlone: carrier === "MeshConfig",
    carrier,
    run,
  }));
}

/** A test's title: the fields, then what they do. */
export function titleOf({ fields, title }: ConformanceCase): string {
  const [first = "", ...rest] = fields;
  const short = rest.map((field) => field.slice(field.indexOf(" ") + 1));
  return `${[first, ...short].join(", ")}: ${title}`;
}
