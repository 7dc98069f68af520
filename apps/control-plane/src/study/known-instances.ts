import type { StoredInstance } from "@heddle/store";

/** Who is in the mesh, as far as previews and analysis look at it: the registry, or its mirror in the study. */
export type KnownInstances = { instances(): Iterable<StoredInstance> };
