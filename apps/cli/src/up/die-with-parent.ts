// Loaded first into processes that do not watch their parent themselves (`node --import`): when the
// parent is gone, however it ended, so is its IPC channel, and they must not stay behind.
if (!process.connected) process.exit(1);
process.once("disconnect", () => process.exit(1));
process.channel?.unref(); // watching must not keep a process alive
