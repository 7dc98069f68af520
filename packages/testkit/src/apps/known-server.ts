// An app whose behaviour a test knows exactly: every `ERROR_EVERY`th request answers 500, every
// `SLOW_EVERY`th takes SLOW_MS, the others FAST_MS. Each request becomes a line in LOG_FILE:
// `<epoch ms> <status>`, written when the request arrives.
import { createWriteStream } from "node:fs";
import { createServer } from "node:http";

const setting = (name: string, fallback: number) => Number(process.env[name] ?? fallback);
const errorEvery = setting("ERROR_EVERY", 0);
const slowEvery = setting("SLOW_EVERY", 0);
const fastMs = setting("FAST_MS", 5);
const slowMs = setting("SLOW_MS", 100);
const name = process.env["APP_NAME"] ?? "known";
const log = createWriteStream(process.env["LOG_FILE"] ?? "/dev/null", { flags: "a" });

let count = 0;
const isEvery = (period: number) => period > 0 && count % period === 0;

const server = createServer((request, response) => {
  count += 1;
  const status = isEvery(errorEvery) ? 500 : 200;
  const delayMs = isEvery(slowEvery) ? slowMs : fastMs;
  log.write(`${Date.now()} ${status}\n`);
  request.resume();
  request.on("end", () => {
    setTimeout(() => {
      response.writeHead(status, { "content-type": "text/plain", "x-app": name });
      response.end(`${name}\n`);
    }, delayMs);
  });
});
server.listen(setting("PORT", 0), "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)));
