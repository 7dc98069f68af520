import { Prisma } from "../generated/client.ts";
import { ask, type ConfigDb } from "./config-db.ts";

/** A source of the registry as it stands in the database; `content` is the control plane's matter. */
export type StoredSource = {
  /** `directory /etc/heddle/registry`, `dns shop/db`. */
  readonly name: string;
  readonly kind: string;
  /** From 1; goes up with every write. */
  readonly version: number;
  readonly content: unknown;
};

/** All of them, by name. Of those in `known` that are still at that version the content is not read again. */
export async function loadSources(
  db: ConfigDb,
  known: ReadonlyMap<string, StoredSource>,
): Promise<StoredSource[]> {
  const heads = await ask(db, (prisma) =>
    prisma.registrySource.findMany({
      select: { name: true, version: true },
      orderBy: { name: "asc" },
    }),
  );
  const news = heads.filter(({ name, version }) => known.get(name)?.version !== version);
  const names = news.map(({ name }) => name);
  const rows =
    names.length === 0
      ? []
      : await ask(db, (prisma) =>
          prisma.registrySource.findMany({ where: { name: { in: names } } }),
        );
  const read = new Map(
    rows.map(({ name, kind, version, content }) => [name, { name, kind, version, content }]),
  );
  return heads.flatMap(({ name }) => read.get(name) ?? known.get(name) ?? []);
}

/**
 * Writes a source as it is to stand at `version`. `false`: it does not stand at the version before any more (0: it
 * is not there yet), and nothing was written.
 */
export async function saveSource(db: ConfigDb, source: StoredSource): Promise<boolean> {
  const { name, kind, version } = source;
  const data = { kind, version, changedAt: new Date(), content: source.content as object };
  if (version === 1) {
    try {
      await ask(db, (prisma) => prisma.registrySource.create({ data: { name, ...data } }));
      return true;
    } catch (error) {
      const isThere =
        error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002";
      if (isThere) return false;
      throw error;
    }
  }
  const { count } = await ask(db, (prisma) =>
    prisma.registrySource.updateMany({ where: { name, version: version - 1 }, data }),
  );
  return count === 1;
}

/** `false`: it does not stand at this version any more. */
export async function deleteSource(
  db: ConfigDb,
  { name, version }: Pick<StoredSource, "name" | "version">,
): Promise<boolean> {
  const { count } = await ask(db, (prisma) =>
    prisma.registrySource.deleteMany({ where: { name, version } }),
  );
  return count === 1;
}
