export { startOutbound } from "./outbound-listener.ts";
