import { isIPv6 } from "node:net";
import { type Document, isMap, isScalar, Scalar, visit } from "yaml";

/**
 * `[2001:db8::]`: in a list in brackets, YAML 1.2 reads an IPv6 address that ends in a colon as a key
 * without value, where the parsers of Istio's tools read a text. Here it is a text, too.
 */
export function repairAddresses(document: Document): void {
  visit(document, {
    Seq: (_, list) => {
      list.items = list.items.map((item) => {
        if (!isMap(item) || item.items.length !== 1) return item;
        const [pair] = item.items;
        const hasValue = isScalar(pair?.value) ? pair.value.value !== null : pair?.value != null;
        if (!isScalar(pair?.key) || hasValue) return item;
        const address = `${String(pair.key.value)}:`;
        return isIPv6(address) ? new Scalar(address) : item;
      });
    },
  });
}
