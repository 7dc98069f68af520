import pino from "pino";

export type Logger = pino.Logger;

/** One JSON line an event on stderr; secrets, tokens and cookies never appear. */
export function createLogger(process: string, level = "info"): Logger {
  return pino(
    {
      level,
      base: { process },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: [
          "token",
          "*.token",
          "authorization",
          "*.authorization",
          "cookie",
          "*.cookie",
          "*.secret",
          "headers.authorization",
          "headers.cookie",
        ],
        censor: "(redacted)",
      },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
