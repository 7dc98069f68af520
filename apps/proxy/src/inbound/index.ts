export { startInbound } from "./inbound-listener.ts";
