import { NO_TRAILERS } from "../src/body-reader.ts";
import type { ReadMessage } from "./read-messages.ts";

const HOP_BY_HOP = new Set([
  ..."connection keep-alive proxy-connection te transfer-encoding upgrade http2-settings".split(
    " ",
  ),
  ..."proxy-authorization host content-length".split(" "),
]);

/** What of a message must survive a hop: no framing, no field that ends at the hop or may not be a trailer. */
export function endToEnd({ fields, body, trailers }: ReadMessage) {
  const options = fields
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) =>
      value
        .toLowerCase()
        .split(",")
        .map((each) => each.trim()),
    );
  return {
    fields: fields.filter(([name]) => {
      const lower = name.toLowerCase();
      return !HOP_BY_HOP.has(lower) && !options.includes(lower);
    }),
    body,
    trailers: trailers.filter(([name]) => !NO_TRAILERS.has(name.toLowerCase())),
  };
}
