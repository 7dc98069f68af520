import type { RevisionSummary } from "@heddle/contracts";
import {
  FileCode,
  GitBranch,
  History,
  type LucideIcon,
  Package,
  Route,
  ShieldCheck,
  Split,
  Trash2,
  Undo2,
} from "lucide-react";

const ICONS: Readonly<Record<RevisionSummary["kind"], LucideIcon>> = {
  apply: FileCode,
  delete: Trash2,
  restore: History,
  weight: Split,
  rollback: Undo2,
  mtls: ShieldCheck,
  bypass: Route,
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

/** What kind of change a revision was, as a shape with its name. */
export function RevisionIcon({ kind }: { readonly kind: RevisionSummary["kind"] }) {
  const Icon = ICONS[kind];
  return <Icon size={15} strokeWidth={1.75} role="img" aria-label={NAMES[kind]} />;
}

/** The kinds in words, for filters. */
export const REVISION_KINDS = NAMES;
