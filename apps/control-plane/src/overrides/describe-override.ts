import type { InstanceOverrideState } from "@heddle/contracts";
import { type ConfigDb, DatabaseUnavailableError, findRevision } from "@heddle/store";
import type { DocumentOf } from "../snapshot/mesh-document.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import { serviceIdOf } from "../snapshot/served-endpoints.ts";
import { isMeant } from "./apply-overrides.ts";
import { formatAddress } from "./plan-override.ts";

type Override = DocumentOf<"InstanceOverride">;
type Said = { readonly by: string; readonly reason: string | undefined };

const MAX_KNOWN = 1000;

/** Who has made which override and why, as their revisions say; a revision never changes. */
export class OverrideAuthors {
  readonly #db: ConfigDb;
  readonly #known = new Map<number, Said>();

  constructor(db: ConfigDb) {
    this.#db = db;
  }

  /** `undefined`: the database cannot be asked now. */
  async of(revision: number): Promise<Said | undefined> {
    const known = this.#known.get(revision);
    if (known) return known;
    const found = await findRevision(this.#db, revision).catch((error: unknown) => {
      if (error instanceof DatabaseUnavailableError) return undefined;
      throw error;
    });
    if (!found) return undefined;
    const said = { by: found.author, reason: found.reason };
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(revision, said);
    return said;
  }
}

export async function describeOverride(
  { resource, revision, updatedAtMs }: Override,
  authors: OverrideAuthors,
): Promise<Omit<InstanceOverrideState, "endpoints">> {
  const { namespace, name, workload, isDrained, weight, labels, locality, untilMs } = resource;
  const { by, reason } = (await authors.of(revision)) ?? {};
  return {
    ...{ namespace, name, revision, workload, address: formatAddress(resource), isDrained },
    ...(weight === undefined ? {} : { weight }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(locality === undefined ? {} : { locality }),
    ...(untilMs === undefined ? {} : { untilMs }),
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    atMs: updatedAtMs,
  };
}

/** The addresses, `host:port`, of a workload's endpoints that an override would be about. */
export function endpointsMeant(override: Parameters<typeof isMeant>[0], mesh: MeshView): string[] {
  const services = mesh.servicesOfWorkload(override).map(serviceIdOf);
  const known = services.flatMap((service) => mesh.knownEndpoints(service));
  const meant = known.filter(({ endpoint }) => isMeant(override, endpoint));
  return [
    ...new Set(meant.map(({ endpoint: { address, port } }) => formatAddress({ address, port }))),
  ];
}
