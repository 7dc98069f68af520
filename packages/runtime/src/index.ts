export {
  AccessDirectory,
  type Authentication,
  type Credential,
  type CredentialSource,
  makeCredential,
} from "./access-directory.ts";
export { bearerToken, may, type Principal, signToken, verifyToken } from "./auth-token.ts";
export { DescribedRoutes, methodsOf, requireDescribed } from "./described-routes.ts";
export { documentRoute } from "./document-route.ts";
export { parseEnv, portVariable, secretVariable } from "./env.ts";
export { HeddleError, InvalidConfigError, PortTakenError, toHeddleError } from "./errors.ts";
export { type HttpService, serveHttp } from "./http-service.ts";
export { createLogger, type Logger } from "./logger.ts";
export { onShutdown, runMain } from "./shutdown.ts";
