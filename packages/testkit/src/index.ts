export {
  startDatabase,
  startDatabaseServer,
  type TestDatabase,
  type TestDatabaseServer,
} from "./database.ts";
export { findFreePorts } from "./free-ports.ts";
export {
  exactQuantile,
  type KnownRequest,
  knownClient,
  knownServer,
  readKnownLog,
} from "./known-app.ts";
export { type Stack, startStack } from "./stack.ts";
export { DeadlineError, waitFor } from "./wait-for.ts";
