// A filter of the conformance cases: writes its settings into heads, and throws or dawdles when asked to.
import { defineFilter } from "@heddle/filter-api";

type Settings = { readonly value: string };

export default defineFilter<Settings>({
  name: "stamp",
  settings: {
    "~standard": {
      version: 1,
      vendor: "heddle-conformance",
      validate: (given) => {
        const { value } = given as { value?: unknown };
        if (typeof value === "string") return { value: { value } };
        return { issues: [{ message: "expected a text", path: ["value"] }] };
      },
    },
  },
  async onRequestHead(request, { value }) {
    request.headers.append("x-stamp", `${request.direction} ${value}`);
    const asked = request.headers.get("x-filter");
    if (asked === "throw") throw new Error("as asked");
    if (asked === "dawdle") {
      await new Promise((resolve) => {
        setTimeout(resolve, 10_000);
        request.signal.addEventListener("abort", resolve);
      });
    }
  },
  onResponseHead(response, { value }) {
    response.headers.set("x-stamped", value);
  },
});
