// The smallest filter, for a thread of its own (there is no onResponseHead in one).
import { defineFilter } from "@heddle/filter-api";

export default defineFilter<undefined>({
  name: "mark",
  settings: {
    "~standard": {
      version: 1,
      vendor: "heddle-conformance",
      validate: () => ({ value: undefined }),
    },
  },
  onRequestHead(request) {
    request.headers.set("x-mark", "seen");
  },
});
