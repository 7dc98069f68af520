import type { AnalysisDocument } from "./analysis-document.ts";
import { type Fields, fieldsOf, isFields, listAt } from "./fields.ts";

/** A destination as a VirtualService names it, and where. */
export type WrittenDestination = {
  readonly destination: Fields;
  /** `["spec", "http", 0, "route", 1, "destination"]` */
  readonly path: readonly (string | number)[];
  readonly isMirror: boolean;
};

/** Where a VirtualService sends connections and requests, in the order of the fields tcp, tls, http. */
export function routeDestinations({ spec }: AnalysisDocument): WrittenDestination[] {
  return ["tcp", "tls", "http"].flatMap((field) =>
    listAt(spec, field).flatMap((rule, index) =>
      listAt(rule, "route").map((one, at) => ({
        destination: fieldsOf(fieldsOf(one)["destination"]),
        path: ["spec", field, index, "route", at, "destination"],
        isMirror: false,
      })),
    ),
  );
}

/** Where a VirtualService sends copies. */
export function mirrorDestinations({ spec }: AnalysisDocument): WrittenDestination[] {
  return listAt(spec, "http").flatMap((rule, index) => {
    const { mirror } = fieldsOf(rule);
    const one = isFields(mirror)
      ? [{ destination: mirror, path: ["spec", "http", index, "mirror"], isMirror: true }]
      : [];
    const more = listAt(rule, "mirrors").map((each, at) => ({
      destination: fieldsOf(fieldsOf(each)["destination"]),
      path: ["spec", "http", index, "mirrors", at, "destination"],
      isMirror: true,
    }));
    return [...one, ...more];
  });
}

/** Whether sidecars follow it: it names no gateway, or `mesh` among them. */
export function isForMesh({ spec }: AnalysisDocument): boolean {
  const gateways = listAt(spec, "gateways");
  return gateways.length === 0 || gateways.includes("mesh");
}
