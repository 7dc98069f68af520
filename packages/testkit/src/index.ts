export {
  startDatabase,
  startDatabaseServer,
  type TestDatabase,
  type TestDatabaseServer,
} from "./database.ts";
export { type DnsServer, type ServedRecord, startDnsServer } from "./dns-server.ts";
export { dumpDatabase } from "./dump-database.ts";
export { findFreePorts } from "./free-ports.ts";
export {
  chainApps,
  exactQuantile,
  type KnownRequest,
  knownClient,
  knownServer,
  readKnownLog,
} from "./known-app.ts";
export { type ApiAnswer, type Mesh, type ProxyReady, RefusedError, startMesh } from "./mesh.ts";
export { OtlpSink } from "./otlp-sink.ts";
export type { Scope } from "./scope.ts";
export { type Stack, startStack } from "./stack.ts";
export { type StartedProcess, startProcess } from "./started-process.ts";
export { TestAuthority, type TestCertificate, type TestWorkload } from "./test-authority.ts";
export { TestControlPlane, type TestControlPlaneOptions } from "./test-control-plane.ts";
export { DeadlineError, waitFor } from "./wait-for.ts";
