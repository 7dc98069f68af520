export {
  createDatabase,
  dropDatabase,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "./embedded-postgres.ts";
export { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
export { MigrationError, migrate } from "./migrate.ts";
