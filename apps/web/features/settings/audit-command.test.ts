import assert from "node:assert/strict";
import { test } from "node:test";
import { auditCommand } from "./audit-command.ts";

test("says the filter as flags, quoted where a shell would read more into it", () => {
  assert.equal(auditCommand({}), "heddle audit");
  assert.equal(
    auditCommand({ actor: "ada", target: "it's $HOME", result: undefined }),
    `heddle audit --actor ada --target 'it'\\''s $HOME'`,
  );
});
