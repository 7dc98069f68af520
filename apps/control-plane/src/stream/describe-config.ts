import {
  type ProxyConfigPart,
  type ProxyConfigResponse,
  type ProxyResource,
  ProxyResourceKind,
  type RunningResource,
  type ShapingDocument,
} from "@heddle/contracts";
import { formatId, type ServiceId } from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";
import type { MeshDocument } from "../snapshot/mesh-document.ts";
import type { MeshView, ProxyView } from "../snapshot/mesh-view.ts";
import type { DumpAnswer } from "./dump-requests.ts";

type Answered = Extract<DumpAnswer, { kind: "answered" }>;
type Described = Omit<
  ProxyConfigResponse,
  "proxyId" | "name" | "version" | "answeredAtMs" | "answerMs"
>;
/** What the control plane would have the proxy run, and what that is made from. */
type Wanted = {
  readonly view: ProxyView;
  readonly mesh: MeshView;
  readonly hosted: readonly StoredInstance[];
};

const KINDS_OF: Readonly<Record<ProxyConfigPart, readonly ProxyResourceKind[]>> = {
  routes: ["service"],
  clusters: ["service"],
  endpoints: ["endpoints"],
  secret: ["trust"],
  all: ProxyResourceKind.options,
};

/** A proxy's own answer, held against what it is to run, with the documents each resource comes from. */
export function describeConfig(
  part: ProxyConfigPart,
  { dump, isTruncated }: Answered,
  wanted: Wanted,
): Described {
  const kinds: ReadonlySet<string> = new Set(KINDS_OF[part]);
  const shown = dump.resources.filter(({ kind }) => kinds.has(kind));
  const held = new Set(dump.resources.map(({ key }) => key));
  const lastKey = dump.resources.at(-1)?.key ?? "";
  const missing = [...wanted.view.resources.values()].filter(
    ({ key, kind }) => kinds.has(kind) && !held.has(key) && !(isTruncated && key > lastKey),
  );
  return {
    part,
    revision: dump.revision,
    outboundTrafficPolicy: dump.outboundTrafficPolicy,
    resources: shown.map((resource) => describeResource(resource, wanted)),
    missing: missing.map(({ key, version }) => ({ key, version })),
    certificates:
      part === "secret" || part === "all"
        ? dump.certificates.map(({ workload, uri, ...rest }) => ({
            holder: workload === null ? null : formatId(workload),
            identity: uri,
            ...rest,
          }))
        : [],
    destinations: dump.destinations,
    isTruncated,
  };
}

function describeResource(
  { key, kind, version, ...content }: Answered["dump"]["resources"][number],
  { view, mesh, hosted }: Wanted,
): RunningResource {
  const wanted = view.resources.get(key);
  const revision = content["revision"];
  const isSame = wanted?.version === version;
  const shaping = wanted === undefined ? NOTHING : shapedBy(wanted, mesh, hosted);
  return {
    key,
    kind: ProxyResourceKind.parse(kind),
    version,
    ...(typeof revision === "number" ? { revision } : {}),
    standing: wanted === undefined ? "surplus" : isSame ? "same" : "differs",
    ...(wanted === undefined || isSame ? {} : { wantedVersion: wanted.version }),
    ...shaping,
    content,
  };
}

type Shaping = Pick<RunningResource, "documents" | "parts">;

const NOTHING: Shaping = { documents: [], parts: [] };

function shapedBy(
  resource: ProxyResource,
  mesh: MeshView,
  hosted: readonly StoredInstance[],
): Shaping {
  const { snapshot } = mesh;
  switch (resource.kind) {
    case "service":
      return shapeOfService(resource.service, mesh);
    case "endpoints": {
      const declared = snapshot.declared.get(formatId(resource.service));
      return { documents: (declared?.sources ?? []).map(refOf), parts: [] };
    }
    case "workload": {
      const name = formatId(resource.workload);
      const instance = hosted.find(
        ({ namespace, workload }) => formatId({ namespace, name: workload }) === name,
      );
      if (instance === undefined) return NOTHING;
      const documents = snapshot.workloads.documentsOf(instance, snapshot.sidecars);
      return { documents: documents.map(refOf), parts: [] };
    }
    default:
      return NOTHING;
  }
}

function shapeOfService(service: ServiceId, { snapshot }: MeshView): Shaping {
  const { documents, ruleSets } = snapshot.service(service);
  const parts = ruleSets.flatMap(({ rules }, set) => {
    // the last set holds for anybody, the others stand under `overrides` in the same order
    const at = set === ruleSets.length - 1 ? "" : `overrides[${set}].`;
    const named = (list: string, name: string, index: number, from: MeshDocument | undefined) =>
      from === undefined
        ? []
        : [{ part: `${at}${list}[${index}] ${JSON.stringify(name)}`, document: refOf(from) }];
    return [
      ...rules.routes.flatMap(({ route, origin }, index) =>
        named("routes", route.name, index, origin),
      ),
      ...rules.tcpRoutes.flatMap(({ route, origin }, index) =>
        named("tcpRoutes", route.name, index, origin),
      ),
      ...rules.tlsRoutes.flatMap(({ route, origin }, index) =>
        named("tlsRoutes", route.name, index, origin),
      ),
      ...rules.subsets.flatMap(({ rule, origin }, index) =>
        named("subsets", rule.name, index, origin),
      ),
      ...rules.blocks.flatMap(({ place, origin }) => {
        if (origin === undefined) return [];
        const subset = place.subset === undefined ? "" : ` of subset ${place.subset}`;
        const port = place.port === undefined ? "" : ` of port ${place.port}`;
        const part = `${at}trafficPolicy.${place.block}${subset}${port}`;
        return [{ part, document: refOf(origin) }];
      }),
    ];
  });
  return { documents: documents.map(refOf), parts };
}

function refOf({ resource, revision }: MeshDocument): ShapingDocument {
  return { kind: resource.kind, namespace: resource.namespace, name: resource.name, revision };
}
