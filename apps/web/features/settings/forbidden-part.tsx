import { EmptyState } from "../../ui/empty-state.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";

/** In place of what only admins of the whole mesh see. */
export function ForbiddenPart({
  isKnown,
  what,
}: {
  readonly isKnown: boolean;
  readonly what: string;
}) {
  if (!isKnown) return <Skeleton heightPx={160} />;
  return <EmptyState>{what} You need admin on the whole mesh; ask an admin for it.</EmptyState>;
}
