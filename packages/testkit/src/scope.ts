/** What something started lives for: a test, or a whole run. `node:test`'s TestContext is one. */
export type Scope = { after(cleanup: () => void | Promise<void>): void };
