import type { ResourceKind, RevisionSummary } from "@heddle/contracts";
import {
  Activity,
  FileCode,
  GitBranch,
  History,
  KeyRound,
  type LucideIcon,
  Package,
  Puzzle,
  Route,
  ShieldCheck,
  SlidersHorizontal,
  Split,
  Trash2,
  Undo2,
  Unplug,
} from "lucide-react";

const ICONS: Readonly<Record<RevisionSummary["kind"], LucideIcon>> = {
  apply: FileCode,
  delete: Trash2,
  restore: History,
  weight: Split,
  rollback: Undo2,
  mtls: ShieldCheck,
  bypass: Unplug,
  registry: Package,
  import: GitBranch,
};

const NAMES: Readonly<Record<RevisionSummary["kind"], string>> = {
  apply: "Rules applied",
  delete: "Rules deleted",
  restore: "Restore",
  weight: "Traffic split",
  rollback: "Rollback",
  mtls: "mTLS mode",
  bypass: "Bypass",
  registry: "Registry",
  import: "Import",
};

/** Of rules applied: what they rule, by the kind of their documents. */
const DOCUMENT_ICONS: Readonly<Partial<Record<ResourceKind, LucideIcon>>> = {
  VirtualService: Route,
  DestinationRule: SlidersHorizontal,
  TrafficPolicy: SlidersHorizontal,
  ServiceEntry: Package,
  WorkloadEntry: Package,
  AuthorizationPolicy: KeyRound,
  RequestAuthentication: KeyRound,
  PeerAuthentication: ShieldCheck,
  Telemetry: Activity,
  ProxyFilter: Puzzle,
};

/** What kind of change a revision was, as a shape with its name. */
export function RevisionIcon({
  revision: { kind, resources },
}: {
  readonly revision: Pick<RevisionSummary, "kind" | "resources">;
}) {
  const ofDocument = kind === "apply" ? decisiveKind(resources) : undefined;
  const Icon = (ofDocument && DOCUMENT_ICONS[ofDocument]) || ICONS[kind];
  const name = ofDocument === undefined ? NAMES[kind] : `${NAMES[kind]}, ${ofDocument}`;
  return <Icon size={15} strokeWidth={1.75} role="img" aria-label={name} />;
}

/** What is split or routed says more than the subsets that come with it; of other mixtures nothing is said. */
function decisiveKind(resources: RevisionSummary["resources"]): ResourceKind | undefined {
  const kinds = new Set(resources.map((one) => one.kind));
  if (kinds.has("VirtualService")) return "VirtualService";
  return kinds.size === 1 ? resources[0]?.kind : undefined;
}

/** The kinds in words, for filters. */
export const REVISION_KINDS = NAMES;
