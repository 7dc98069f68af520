export {
  findAuthority,
  keepFirstAuthority,
  type StoredAuthority,
} from "./config/certificate-authority.ts";
export { commitRevision, type DocumentChange, type NewRevision } from "./config/commit-revision.ts";
export { type ConfigDb, openConfigDb } from "./config/config-db.ts";
export { DatabaseUnavailableError } from "./config/database-unavailable.ts";
export {
  findDocumentsAt,
  loadDocuments,
  type PastDocument,
  type StoredDocument,
} from "./config/documents.ts";
export {
  forgetProxies,
  loadRegistry,
  type StoredInstance,
  type StoredProxy,
  saveRegistry,
} from "./config/registry.ts";
export {
  findDocumentHistory,
  findRevision,
  findRevisions,
  recordPropagation,
  type StoredRevision,
  type StoredRevisionDetail,
} from "./config/revisions.ts";
export {
  admitProxy,
  createJoinToken,
  findJoinToken,
  type StoredJoinToken,
  useLoginToken,
} from "./config/tokens.ts";
export {
  createDatabase,
  dropDatabase,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "./embedded-postgres.ts";
export { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
export { MigrationError, migrate } from "./migrate.ts";
